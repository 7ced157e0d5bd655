import Tensors

/// Where a thread's private buffers for one tile of pixels lie, in floats from the start of its scratch memory.
package struct TileLayout: Sendable, Hashable {
  /// What the tile's matrix product reads: normalised pixels, gated pixels, gathered taps, padded rows, or a ring of
  /// three rows of products.
  package let operand: Int
  /// What it writes before the result is spread over a map, or a patch.
  package let result: Int
  /// One weight a pixel of the tile.
  package let pixelScale: Int
  /// bfloat16 values that a matrix product reads, where they are not made in `operand`: the inner map's pixels, or padded
  /// rows. Two to a float.
  package let rounded: Int
  package let total: Int

  package init(_ operation: Operation) throws {
    let tile = Operation.tilePixels
    var scratch = ScratchAllocator()
    switch operation {
    case .pictureConvolution:
      operand = try scratch.place(tile, 27)
      result = operand
    case .outputConvolution(let step):
      operand = try scratch.place(3, tile + 2, Layout.pitch(step.channels))
      result = try scratch.place(tile, Layout.lanes)
    case .halveConvolution(let step):
      operand = try scratch.place(3, tile + 2, Layout.pitch(step.inputChannels))
      result = operand
    case .doubleConvolution(let step):
      if let columns = step.panelColumns {
        operand = try scratch.place(3, columns + 2, 9, Layout.pitch(step.outputChannels))
      } else {
        operand = try scratch.place(3, tile + 4, Layout.pitch(step.inputChannels))
      }
      result = operand
    case .scanStage(let step):
      operand = try scratch.place(tile, Layout.pitch(step.channels))
      result = try scratch.place(tile, Layout.pitch(step.channels))
    case .feedForwardStage(let step):
      operand = try scratch.place(tile, max(Layout.pitch(step.channels), Layout.pitch(step.hidden)))
      result = try scratch.place(Layout.patch * Layout.patch, Layout.pitch(step.channels))
    }
    pixelScale = try scratch.place(tile)
    rounded = scratch.total
    if let values = try Self.roundedValues(operation) { _ = try scratch.place(values / 2) }
    total = scratch.total
  }

  private static func roundedValues(_ operation: Operation) throws -> Int? {
    let tile = Operation.tilePixels
    return switch operation {
    case .pictureConvolution, .outputConvolution, .feedForwardStage: nil
    case .halveConvolution(let step): try Checked.product([3, tile + 2, Layout.pitch(step.inputChannels)])
    case .doubleConvolution(let step):
      try step.panelColumns.map { try Checked.product([$0 + 2, Layout.pitch(step.inputChannels)]) }
        ?? Checked.product([3, tile + 4, Layout.pitch(step.inputChannels)])
    case .scanStage(let step): try Checked.product([tile, Layout.pitch(step.inner)])
    }
  }
}
