import Tensors

extension BoundPlan {
  /// Multiply-adds of each step of `plan` at this size: matrices and convolutions, neither the scan's recurrence
  /// nor elementwise work.
  ///
  /// What windows share is counted once, and padding of channels not at all: this is the work that has to be done, not
  /// what the kernels happen to do. Throws `size.overflow`.
  package func multiplyAdds(of plan: Plan) throws -> [Int] {
    try plan.steps.map { step in
      switch step.operation {
      case .pictureConvolution(let convolution):
        try Checked.product([pixels(convolution.output), 27, convolution.channels])
      case .outputConvolution(let convolution):
        try Checked.product([pixels(convolution.input), 27, convolution.channels])
      case .halveConvolution(let convolution):
        try Checked.product([
          pixels(convolution.output), convolution.kernelSide * convolution.kernelSide, convolution.inputChannels,
          convolution.outputChannels,
        ])
      case .doubleConvolution(let convolution):
        try Checked.product([
          pixels(convolution.output), convolution.kernelSide * convolution.kernelSide, convolution.inputChannels,
          convolution.outputChannels,
        ])
      case .scanStage(let stage): try multiplyAdds(of: stage)
      case .feedForwardStage(let stage):
        try Checked.multiply(pixels(stage.input), 3 * stage.hidden * stage.channels + 18 * stage.hidden)
      }
    }
  }

  private func pixels(_ buffer: BufferID) -> Int { buffers[buffer.rawValue].height * buffers[buffer.rawValue].width }

  private func multiplyAdds(of stage: ScanStage) throws -> Int {
    let map = buffers[stage.input.rawValue]
    let frame = stage.frame.size(map.height, map.width)
    let scanned = try [frame.height, frame.width].map { size in
      let axis = WindowAxis(size: size, side: stage.windowSide)
      return try Checked.multiply(axis.starts.count, axis.length)
    }
    let parameters = stage.rank + 2 * Layout.states
    let perPosition = stage.inner * (9 + parameters + stage.rank) + Layout.taps * parameters
    return try Checked.add(
      Checked.product([pixels(stage.input), 3, stage.inner, stage.channels]),
      Checked.product(scanned + [perPosition]))
  }
}
