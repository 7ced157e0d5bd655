import CPlanProto
import ProtobufWire
import Tensors

/// Bilinear ×0.5 (the mean of each 2×2), then a convolution without bias.
package struct HalveConvolution: PlanOperation {
  package var input: BufferID
  package var output: BufferID
  package var inputChannels: Int
  package var outputChannels: Int
  /// 1 or 3.
  package var kernelSide: Int
  /// Packed matrix, side²·pitch(inputChannels) × pitch(outputChannels); row (side·dy + dx)·pitch + channel.
  package var weight: ConstantID

  package init(
    input: BufferID, output: BufferID, inputChannels: Int, outputChannels: Int, kernelSide: Int, weight: ConstantID
  ) {
    self.input = input
    self.output = output
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernelSide = kernelSide
    self.weight = weight
  }
}

extension HalveConvolution {
  package var label: String { "halve and convolution" }

  package func requirements() throws -> Requirements {
    Requirements(
      reads: [.init(buffer: input, channels: inputChannels, role: .doubled)],
      writes: [.init(buffer: output, channels: outputChannels, role: .same)],
      constants: [
        try .convolution(
          weight, kernelSide: kernelSide, inputChannels: inputChannels, outputChannels: outputChannels)
      ])
  }

  package func checkNumbers() throws {
    try OperationChecks.convolution(
      inputChannels: inputChannels, outputChannels: outputChannels, kernelSide: kernelSide)
  }

  package func tileLayout() throws -> TileLayout {
    let rows = [3, TileLayout.pixels + 2, Layout.pitch(inputChannels)]
    return try TileLayout(operand: rows, rounded: rows)
  }

  package func multiplyAdds(in bound: BoundPlan) throws -> Int {
    try Checked.product([bound.pixels(output), kernelSide * kernelSide, inputChannels, outputChannels])
  }
}

// MARK: - Coding

extension HalveConvolution {
  package static let field: UInt32 = 5

  package func encode(_ writer: inout WireWriter) {
    writer.integers([
      input.rawValue, output.rawValue, inputChannels, outputChannels, kernelSide, weight.rawValue,
    ])
  }

  package init(_ step: Evssm__Plan__Step) throws {
    let message = try required(step.halve_convolution).pointee
    self.init(
      input: BufferID(message.input), output: BufferID(message.output), inputChannels: Int(message.input_channels),
      outputChannels: Int(message.output_channels), kernelSide: Int(message.kernel_side),
      weight: ConstantID(message.weight))
  }
}
