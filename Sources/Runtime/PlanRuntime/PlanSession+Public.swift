import ExecutionPlan

/// What a program that links this package needs; in the package, the same with more to choose.
extension PlanSession {
  /// Binds a plan to a size of picture: finds memory that was laid out for it or lays it out, and allocates it.
  ///
  /// - Throws: an `EVSSMError` when the size is out of the plan's range or memory is not to be had.
  /// - Complexity: O(steps), plus the memory's pages when they are first touched.
  public convenience init(plan: LoadedPlan, height: Int, width: Int, workers: Workers) throws {
    try self.init(plan: plan, height: height, width: width, workers: workers, instructionSet: nil)
  }

  /// Restores a picture: planar float32 (3, height, width), RGB, values in [0, 1]; the result is not clamped. One allocation.
  ///
  /// - Throws: `runtime.buffer-size` when the array has another length.
  public func run(_ input: [Float]) throws -> [Float] { try run(input, control: nil) }

  /// The same where the values lie. Allocates nothing, unless the array shares its memory.
  public func restore(_ planes: inout [Float]) throws { try restore(&planes, control: nil) }

  /// Restores a picture of 8 bits where it lies: 3 · height · width samples row by row, the R, G and B of a pixel side by
  /// side. Allocates nothing, unless the array shares its memory.
  ///
  /// - Throws: `runtime.buffer-size` when the array has another length.
  /// - Returns: how many values of the result were NaN or infinite; they are 0 or 255 in the picture.
  @discardableResult
  public func restore(samples: inout [UInt8]) throws -> Int { try restore(samples: &samples, control: nil) }
}
