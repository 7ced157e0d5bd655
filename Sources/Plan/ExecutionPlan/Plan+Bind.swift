import Tensors

extension Plan {
  /// Sizes and memory for a picture of `height` × `width`: evaluates every size, checks it against what the steps
  /// require, and places maps and scratch memory in one arena. The placement is proven by ``MemoryPlanChecker``.
  ///
  /// Throws `picture.too-small`, the limits `max_picture_side`, `max_picture_pixels` and `max_arena_bytes`, and what
  /// ``PlanValidator`` throws for a malformed plan.
  /// - Complexity: O(n²) for n buffers and steps.
  package func bind(height: Int, width: Int) throws -> BoundPlan {
    try PlanValidator.validateStructure(self)
    let geometry = try PlanGeometry(self, height: height, width: width)
    return try BoundPlan(geometry, MemoryPlanner.place(geometry.regions))
  }

  /// A binding whose placement was made before, such as one stored in a file: sizes are evaluated again, the placement
  /// is checked.
  ///
  /// - Parameters:
  ///   - placement: offsets of the maps by ``BufferID``, then of the steps' scratch memory.
  /// - Complexity: O(n log n) for n buffers and steps.
  package func bind(height: Int, width: Int, placement: MemoryPlacement) throws -> BoundPlan {
    try PlanValidator.validateStructure(self)
    return try BoundPlan(PlanGeometry(self, height: height, width: width), placement)
  }
}

extension BoundPlan {
  /// What ``Plan/bind(height:width:placement:)`` takes to make this binding again.
  package var placement: MemoryPlacement {
    MemoryPlacement(offsets: buffers.map(\.byteOffset) + scratchByteOffsets, byteCount: arenaByteCount)
  }
}
