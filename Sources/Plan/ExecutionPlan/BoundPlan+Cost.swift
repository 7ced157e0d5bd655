import Tensors

extension BoundPlan {
  /// Multiply-adds of each step of `plan` at this size: matrices and convolutions, neither the scan's recurrence
  /// nor elementwise work.
  ///
  /// What windows share is counted once, and padding of channels not at all: this is the work that has to be done, not
  /// what the kernels happen to do. Throws `size.overflow`.
  package func multiplyAdds(of plan: Plan) throws -> [Int] {
    try plan.steps.map { try $0.operation.multiplyAdds(in: self) }
  }

  func pixels(_ buffer: BufferID) -> Int { buffers[buffer.rawValue].height * buffers[buffer.rawValue].width }
}
