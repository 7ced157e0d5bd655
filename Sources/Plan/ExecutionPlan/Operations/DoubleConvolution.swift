import CPlanProto
import ProtobufWire
import Tensors

/// Bilinear ×2 (align_corners false, edges clamped), then a convolution without bias, plus the skip map.
///
/// Both are linear, so their order is the compiler's choice: interpolation first, or the matrices of a 3×3 kernel's nine
/// taps first, on a quarter of the pixels, and the interpolation of their products behind them.
package struct DoubleConvolution: PlanOperation {
  package var input: BufferID
  /// Added to the result; has the output's size. May be the same buffer as `output`.
  package var skip: BufferID
  package var output: BufferID
  package var inputChannels: Int
  package var outputChannels: Int
  /// 1 or 3.
  package var kernelSide: Int
  /// How many pixels of a row of the input a thread keeps the products of; nil: interpolation goes first.
  package var panelColumns: Int?
  /// Interpolation first: packed matrix, side²·pitch(inputChannels) × pitch(outputChannels); row (side·dy + dx)·pitch +
  /// channel. Matrices first: packed matrix, inputChannels × 9·pitch(outputChannels); column (3·dy + dx)·pitch + channel.
  package var weight: ConstantID

  package init(
    input: BufferID, skip: BufferID, output: BufferID, inputChannels: Int, outputChannels: Int, kernelSide: Int,
    panelColumns: Int? = nil, weight: ConstantID
  ) {
    self.input = input
    self.skip = skip
    self.output = output
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernelSide = kernelSide
    self.panelColumns = panelColumns
    self.weight = weight
  }
}

extension DoubleConvolution {
  package var label: String { "double, convolution and skip" + inPlaceLabel }

  /// The skip is added pixel by pixel.
  package var inPlaceBuffer: BufferID? { skip == input ? nil : skip }

  package func requirements() throws -> Requirements {
    Requirements(
      reads: [
        .init(buffer: input, channels: inputChannels, role: .same),
        .init(buffer: skip, channels: outputChannels, role: .doubled),
      ],
      writes: [.init(buffer: output, channels: outputChannels, role: .doubled)],
      constants: [
        panelColumns == nil
          ? try .convolution(
            weight, kernelSide: kernelSide, inputChannels: inputChannels, outputChannels: outputChannels)
          : try .matrix(weight, inner: inputChannels, kernelSide, kernelSide, Layout.pitch(outputChannels))
      ])
  }

  package func checkNumbers() throws {
    try OperationChecks.convolution(
      inputChannels: inputChannels, outputChannels: outputChannels, kernelSide: kernelSide)
    guard let panelColumns else { return }
    try OperationChecks.number(panelColumns, in: 1...OperationBounds.maxPanelColumns, "panel_columns")
    guard kernelSide == 3 else { throw OperationChecks.error("kernel_side", kernelSide, "3") }
  }

  package func tileLayout() throws -> TileLayout {
    guard let panelColumns else {
      let rows = [3, TileLayout.pixels + 4, Layout.pitch(inputChannels)]
      return try TileLayout(operand: rows, rounded: rows)
    }
    return try TileLayout(
      operand: [3, panelColumns + 2, 9, Layout.pitch(outputChannels)],
      rounded: [panelColumns + 2, Layout.pitch(inputChannels)])
  }

  package func multiplyAdds(in bound: BoundPlan) throws -> Int {
    try Checked.product([bound.pixels(output), kernelSide * kernelSide, inputChannels, outputChannels])
  }
}

// MARK: - Coding

extension DoubleConvolution {
  package static let field: UInt32 = 6

  package func encode(_ writer: inout WireWriter) {
    writer.integers([
      input.rawValue, skip.rawValue, output.rawValue, inputChannels, outputChannels, kernelSide, weight.rawValue,
      panelColumns ?? 0,
    ])
  }

  package init(_ step: Evssm__Plan__Step) throws {
    let message = try required(step.double_convolution).pointee
    self.init(
      input: BufferID(message.input), skip: BufferID(message.skip), output: BufferID(message.output),
      inputChannels: Int(message.input_channels), outputChannels: Int(message.output_channels),
      kernelSide: Int(message.kernel_side),
      panelColumns: message.panel_columns == 0 ? nil : Int(message.panel_columns), weight: ConstantID(message.weight))
  }
}
