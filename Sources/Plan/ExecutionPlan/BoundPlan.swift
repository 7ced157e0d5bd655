import Tensors

/// A plan's sizes and memory for one size of picture: what ``Plan/bind(height:width:)`` gives.
package struct BoundPlan: Sendable, Hashable {
  /// The picture's size.
  package let height: Int
  package let width: Int
  /// The plan's maps, by ``BufferID``.
  package let buffers: [BoundBuffer]
  /// Each step's scratch memory in the arena, in bytes; 0 for steps without any. Multiples of 64.
  package let scratchByteOffsets: [Int]
  package let scratchByteCounts: [Int]
  /// Bytes of the one block of memory that holds all maps and scratch memory.
  package let arenaByteCount: Int
  /// Bytes of each thread's own memory, outside the arena; a multiple of a page. The threads' memory is one block.
  package let threadScratchByteCount: Int
  /// Bytes of all maps and scratch regions, had each its own memory.
  package let totalByteCount: Int
  /// Bytes of the largest set of maps and scratch memory in use during one step: no arena can be smaller.
  package let lowerBoundByteCount: Int
}

/// A map in the arena: `height` × `width` pixels of `pitch` floats, from `byteOffset` (a multiple of 64).
package struct BoundBuffer: Sendable, Hashable {
  package let height: Int
  package let width: Int
  /// Floats a pixel.
  package let pitch: Int
  package let byteOffset: Int

  package var byteCount: Int { height * width * pitch * MemoryLayout<Float>.stride }
}

extension BoundPlan {
  /// A binding from geometry and placement, which are checked: no two live regions overlap, and everything lies inside
  /// the arena.
  init(_ geometry: PlanGeometry, _ placement: MemoryPlacement) throws {
    try Limits.check(
      placement.byteCount, atMost: Limits.maxArenaBytes, name: "max_arena_bytes",
      "The memory for a picture of \(geometry.height) × \(geometry.width), in bytes,")
    let regions = geometry.regions
    try MemoryPlanChecker.check(regions, placement)
    height = geometry.height
    width = geometry.width
    buffers = zip(geometry.maps, placement.offsets).map {
      BoundBuffer(height: $0.height, width: $0.width, pitch: $0.pitch, byteOffset: $1)
    }
    scratchByteOffsets = Array(placement.offsets.dropFirst(geometry.maps.count))
    scratchByteCounts = geometry.scratchByteCounts
    arenaByteCount = placement.byteCount
    threadScratchByteCount = geometry.threadScratchByteCount
    totalByteCount = try regions.reduce(0) { try Checked.add($0, $1.byteCount) }
    lowerBoundByteCount = try MemoryPlanner.lowerBound(regions)
  }
}
