import Tensors

extension Operation {
  /// Floats of scratch memory that all threads share while the operation runs, for an input map of the given size.
  /// Throws on overflow.
  package func scratchFloats(inputHeight: Int, inputWidth: Int) throws -> Int {
    switch self {
    case .scanStage(let stage): try ScanStageLayout(stage, height: inputHeight, width: inputWidth).total
    case .feedForwardStage(let stage): try FeedForwardLayout(stage, height: inputHeight, width: inputWidth).seams
    case .pictureConvolution, .outputConvolution, .halveConvolution, .doubleConvolution: 0
    }
  }

  /// Pixels that one thread processes at a time; the rows of its private buffers.
  package static let tilePixels = 72

  /// Floats of scratch memory that the operation needs once for each thread, for an input map of the given size. Throws on overflow.
  package func threadScratchFloats(inputHeight: Int, inputWidth: Int) throws -> Int {
    let tile = try TileLayout(self).total
    guard case .feedForwardStage(let stage) = self else { return tile }
    return try Checked.add(tile, FeedForwardLayout(stage, height: inputHeight, width: inputWidth).total)
  }
}
