import CPlanProto
import ProtobufWire
import Tensors

/// The picture, reflect-padded right and bottom to `output`'s size, through a 3×3 convolution without bias.
package struct PictureConvolution: PlanOperation {
  package var output: BufferID
  package var channels: Int
  /// Packed matrix, 27 × pitch(channels); row 9·dy + 3·dx + colour.
  package var weight: ConstantID

  package init(output: BufferID, channels: Int, weight: ConstantID) {
    self.output = output
    self.channels = channels
    self.weight = weight
  }
}

extension PictureConvolution {
  package var label: String { "picture convolution" }

  package var picture: PictureRole { .source }

  package func requirements() throws -> Requirements {
    Requirements(
      writes: [.init(buffer: output, channels: channels, role: .padded)],
      constants: [try .values(weight, 27, Layout.pitch(channels))])
  }

  package func checkNumbers() throws { try OperationChecks.channels(channels) }

  package func tileLayout() throws -> TileLayout { try TileLayout(operand: [TileLayout.pixels, 27]) }

  package func multiplyAdds(in bound: BoundPlan) throws -> Int {
    try Checked.product([bound.pixels(output), 27, channels])
  }
}

// MARK: - Coding

extension PictureConvolution {
  package static let field: UInt32 = 2

  package func encode(_ writer: inout WireWriter) { writer.integers([output.rawValue, channels, weight.rawValue]) }

  package init(_ step: Evssm__Plan__Step) throws {
    let message = try required(step.picture_convolution).pointee
    self.init(output: BufferID(message.output), channels: Int(message.channels), weight: ConstantID(message.weight))
  }
}
