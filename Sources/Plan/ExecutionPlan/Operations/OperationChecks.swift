import Tensors

/// Bounds on the numbers of operations: wide for any network of this kind, and tight enough that no product of them
/// overflows.
enum OperationBounds {
  static let maxChannels = 16_384
  static let maxInner = 4 * maxChannels
  static let maxHidden = 8 * maxChannels
  static let maxRank = 1024
  static let maxStripPixels = 1 << 20
  static let maxPanelColumns = 1024
  static let maxEpsilon: Float = 1
}

/// What operations check their numbers by. Each throws `plan.number`.
enum OperationChecks {
  static func channels(_ value: Int, _ name: String = "channels") throws {
    try number(value, in: 1...OperationBounds.maxChannels, name)
  }

  static func number(_ value: Int, in bounds: ClosedRange<Int>, _ name: String) throws {
    guard bounds.contains(value) else { throw error(name, value, "\(bounds.lowerBound) to \(bounds.upperBound)") }
  }

  static func epsilon(_ value: Float, _ name: String) throws {
    guard value > 0, value <= OperationBounds.maxEpsilon else { throw error(name, value, "above 0 and at most 1") }
  }

  /// The numbers of a convolution from one map to another.
  static func convolution(inputChannels: Int, outputChannels: Int, kernelSide: Int) throws {
    try channels(inputChannels, "input_channels")
    try channels(outputChannels, "output_channels")
    guard kernelSide == 1 || kernelSide == 3 else { throw error("kernel_side", kernelSide, "1 or 3") }
  }

  static func error(_ name: String, _ value: some CustomStringConvertible, _ expected: String) -> EVSSMError {
    EVSSMError("plan.number", "The step's \(name) is \(value), not \(expected). Compile the plan again.")
  }
}
