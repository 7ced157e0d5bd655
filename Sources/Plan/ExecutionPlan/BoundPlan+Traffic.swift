import Tensors

extension BoundPlan {
  /// Bytes that each step of `plan` must move between memory and the caches at this size: its maps, once each, and its
  /// weights. What stays in the caches between the phases of a step is not counted, nor what they fail to keep.
  ///
  /// The picture before and after counts as planes of float32. Throws `size.overflow`.
  package func bytesMoved(of plan: Plan) throws -> [Int] {
    let picture = try Checked.product([height, width, 3, MemoryLayout<Float>.stride])
    return try plan.steps.map { step in
      let requirements = try step.operation.requirements()
      let maps = requirements.reads + requirements.writes
      let weights = try requirements.constants.reduce(0) {
        try Checked.add($0, plan.constants[$1.id.rawValue].byteCount())
      }
      let moved = try maps.reduce(weights) { try Checked.add($0, buffers[$1.buffer.rawValue].byteCount) }
      return try Checked.add(moved, Checked.multiply(step.operation.picture.transfers, picture))
    }
  }
}
