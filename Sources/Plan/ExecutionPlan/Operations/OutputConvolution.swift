import CPlanProto
import ProtobufWire
import Tensors

/// A 3×3 convolution to three colours, plus the padded picture, cropped to the picture's size.
package struct OutputConvolution: PlanOperation {
  package var input: BufferID
  package var channels: Int
  /// Packed matrix, 9·pitch(channels) × 16; row (3·dy + dx)·pitch + channel, columns 3 and up zero.
  package var weight: ConstantID

  package init(input: BufferID, channels: Int, weight: ConstantID) {
    self.input = input
    self.channels = channels
    self.weight = weight
  }
}

extension OutputConvolution {
  package var label: String { "output convolution" }

  package var picture: PictureRole { .sink }

  package func requirements() throws -> Requirements {
    Requirements(
      reads: [.init(buffer: input, channels: channels, role: .padded)],
      constants: [try .values(weight, 9, Layout.pitch(channels), Layout.lanes)])
  }

  package func checkNumbers() throws { try OperationChecks.channels(channels) }

  package func tileLayout() throws -> TileLayout {
    try TileLayout(
      operand: [3, TileLayout.pixels + 2, Layout.pitch(channels)], result: [TileLayout.pixels, Layout.lanes])
  }

  package func multiplyAdds(in bound: BoundPlan) throws -> Int {
    try Checked.product([bound.pixels(input), 27, channels])
  }
}

// MARK: - Coding

extension OutputConvolution {
  package static let field: UInt32 = 7

  package func encode(_ writer: inout WireWriter) { writer.integers([input.rawValue, channels, weight.rawValue]) }

  package init(_ step: Evssm__Plan__Step) throws {
    let message = try required(step.output_convolution).pointee
    self.init(input: BufferID(message.input), channels: Int(message.channels), weight: ConstantID(message.weight))
  }
}
