import CPlanProto
import ProtobufWire
import Tensors

extension Plan {
  /// Bytes that a message section may have (`max_plan_section`), and protobuf-c allocate for it.
  static let maxSectionBytes = 16 << 20
  static let wireLimits = WireLimits(depth: 24, messages: 200_000, unpackedBytes: 64 << 20, refusesUnknownFields: true)

  /// Decodes a program section. The result is well-formed, not yet valid: see ``PlanValidator``.
  init(program bytes: UnsafeRawBufferPointer) throws {
    try Limits.check(
      bytes.count, atMost: Self.maxSectionBytes, name: "max_plan_section", "The program section, in bytes,")
    self = try withUnpackedMessage(
      bytes, as: Evssm__Plan__Program.self, PlanMessages.program, limits: Self.wireLimits
    ) { try Plan($0.pointee) }
  }

  private init(_ message: Evssm__Plan__Program) throws {
    try Limits.check(message.n_buffers, atMost: Limits.maxPlanBuffers, name: "max_plan_buffers", "The count of buffers")
    try Limits.check(message.n_steps, atMost: Limits.maxPlanSteps, name: "max_plan_steps", "The count of steps")
    try Limits.check(
      message.n_constants, atMost: Limits.maxPlanConstants, name: "max_plan_constants", "The count of constants")
    self.init(
      model: try ModelDescription(required(message.model).pointee),
      buffers: try elements(message.buffers, message.n_buffers).map { try BufferDescription($0) },
      steps: try elements(message.steps, message.n_steps).map { try Step($0) },
      constants: try elements(message.constants, message.n_constants).map { try ConstantDescription($0) },
      graph: try message.graph.map { try TensorGraph($0.pointee) })
  }
}

/// A sub-message that the schema lets a writer leave out, but a plan needs.
func required<Message>(_ pointer: UnsafeMutablePointer<Message>?) throws -> UnsafeMutablePointer<Message> {
  guard let pointer else {
    throw EVSSMError("plan.missing-field", "The plan lacks a part that every plan has. Compile it again.")
  }
  return pointer
}

/// The elements of a repeated message field.
func elements<Message>(
  _ pointers: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int
) throws -> [Message] {
  try UnsafeBufferPointer(start: pointers, count: pointers == nil ? 0 : count).map { try required($0).pointee }
}

/// protobuf-c's empty string is a pointer to a zero byte, never nil; the scanner has checked zero bytes and encoding.
func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

extension BufferID { init(_ value: UInt32) { self.init(rawValue: Int(value)) } }
extension ConstantID { init(_ value: UInt32) { self.init(rawValue: Int(value)) } }

extension Frame {
  init(_ message: Evssm__Plan__Frame) {
    self.init(transposed: message.transposed != 0, halfTurned: message.half_turned != 0)
  }
}

extension ModelDescription {
  fileprivate init(_ message: Evssm__Plan__Model) throws {
    let windows: WindowMode
    switch message.windows.rawValue {
    case 1: windows = .released
    case 2: windows = .whole
    default: throw EVSSMError("plan.windows", "The plan's window mode is \(message.windows.rawValue), not 1 or 2.")
    }
    self.init(
      architecture: text(message.architecture),
      hyperparameters: try elements(message.hyperparameters, message.n_hyperparameters).map {
        Attribute(name: text($0.name), value: text($0.value))
      },
      parameterCount: try Checked.int(message.parameter_count), windows: windows,
      minimumSide: Int(message.minimum_side))
  }
}

extension BufferDescription {
  fileprivate init(_ message: Evssm__Plan__Buffer) throws {
    self.init(
      height: try SizeTokens(required(message.height).pointee).expression(),
      width: try SizeTokens(required(message.width).pointee).expression(), channels: Int(message.channels))
  }
}

extension SizeTokens {
  fileprivate init(_ message: Evssm__Plan__SizeExpression) {
    self.init(
      codes: UnsafeBufferPointer(start: message.codes, count: message.n_codes).map { Int($0) },
      constants: UnsafeBufferPointer(start: message.constants, count: message.n_constants).map { Int($0) })
  }
}

extension ConstantDescription {
  fileprivate init(_ message: Evssm__Plan__Constant) throws {
    let element: Precision
    switch message.precision.rawValue {
    case 0: element = .float32
    case 1: element = .bfloat16
    default:
      throw EVSSMError(
        "plan.constant-type",
        "The constant's type is \(message.precision.rawValue), not 0 or 1. Compile the plan again.",
        place: .init(node: text(message.name)))
    }
    self.init(
      name: text(message.name), byteOffset: try Checked.int(message.byte_offset), count: try Checked.int(message.count),
      element: element)
  }
}
