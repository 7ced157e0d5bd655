import Tensors

/// Bounds on an operation's numbers: wide for any network of this kind, and tight enough that no product of them
/// overflows.
enum OperationBounds {
  static let mostChannels = 16_384
  static let mostInner = 4 * mostChannels
  static let mostHidden = 8 * mostChannels
  static let mostRank = 1024
  static let mostStripPixels = 1 << 20
  static let mostPanelColumns = 1024
  static let mostEpsilon: Float = 1
}

extension Operation {
  /// Throws `plan.number` when a field of the operation is out of its bounds.
  func checkNumbers() throws {
    switch self {
    case .pictureConvolution(let step): try check(step.channels, 1...OperationBounds.mostChannels, "channels")
    case .outputConvolution(let step): try check(step.channels, 1...OperationBounds.mostChannels, "channels")
    case .halveConvolution(let step): try checkConvolution(step.inputChannels, step.outputChannels, step.kernelSide)
    case .doubleConvolution(let step):
      try checkConvolution(step.inputChannels, step.outputChannels, step.kernelSide)
      if let columns = step.panelColumns {
        try check(columns, 1...OperationBounds.mostPanelColumns, "panel_columns")
        guard step.kernelSide == 3 else { throw numberError("kernel_side", step.kernelSide, "3") }
      }
    case .scanStage(let step): try step.checkNumbers()
    case .feedForwardStage(let step): try step.checkNumbers()
    }
  }
}

extension ScanStage {
  fileprivate func checkNumbers() throws {
    try check(channels, 1...OperationBounds.mostChannels, "channels")
    try check(inner, 1...OperationBounds.mostInner, "inner")
    try check(rank, 1...min(OperationBounds.mostRank, inner), "rank")
    try check(stripPixels, 1...OperationBounds.mostStripPixels, "strip_pixels")
    if let windowSide {
      try check(windowSide, PlanValidator.leastMapSide...Limits.maxPictureSide, "window_side")
    }
    try check(rmsEpsilon, "rms_epsilon")
    try check(layerNormEpsilon, "layer_norm_epsilon")
  }
}

extension FeedForwardStage {
  fileprivate func checkNumbers() throws {
    try check(channels, 1...OperationBounds.mostChannels, "channels")
    try check(hidden, 1...OperationBounds.mostHidden, "hidden")
    try check(rmsEpsilon, "rms_epsilon")
    guard [1, 2, 4, 8].contains(stripRows) else { throw numberError("strip_rows", stripRows, "1, 2, 4 or 8") }
    try check(panelColumns, 2 * Layout.patch...Limits.maxPictureSide, "panel_columns")
    guard panelColumns % Layout.patch == 0 else { throw numberError("panel_columns", panelColumns, "a multiple of 8") }
  }
}

private func checkConvolution(_ input: Int, _ output: Int, _ kernelSide: Int) throws {
  try check(input, 1...OperationBounds.mostChannels, "input_channels")
  try check(output, 1...OperationBounds.mostChannels, "output_channels")
  guard kernelSide == 1 || kernelSide == 3 else { throw numberError("kernel_side", kernelSide, "1 or 3") }
}

private func check(_ value: Int, _ bounds: ClosedRange<Int>, _ name: String) throws {
  guard bounds.contains(value) else { throw numberError(name, value, "\(bounds.lowerBound) to \(bounds.upperBound)") }
}

private func check(_ epsilon: Float, _ name: String) throws {
  guard epsilon > 0, epsilon <= OperationBounds.mostEpsilon else {
    throw numberError(name, epsilon, "above 0 and at most 1")
  }
}

private func numberError(_ name: String, _ value: some CustomStringConvertible, _ expected: String) -> EVSSMError {
  EVSSMError("plan.number", "The step's \(name) is \(value), not \(expected). Compile the plan again.")
}
