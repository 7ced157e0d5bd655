import CPlanProto
import ProtobufWire
import Tensors

extension Certificate {
  /// The certificate section.
  func encoded() -> [UInt8] {
    var writer = WireWriter()
    writer.integer(1, height)
    writer.integer(2, width)
    writer.unsigned(3, seed)
    writer.packed(4, output)
    writer.data(5, outputDigest)
    writer.float(6, tolerance)
    return writer.bytes
  }

  init(section bytes: UnsafeRawBufferPointer) throws {
    try Limits.check(
      bytes.count, atMost: Plan.maxSectionBytes, name: "max_plan_section", "The certificate section, in bytes,")
    self = try withUnpackedMessage(
      bytes, as: Evssm__Plan__Certificate.self, PlanMessages.certificate, limits: Plan.wireLimits
    ) { try Certificate($0.pointee) }
  }

  private init(_ message: Evssm__Plan__Certificate) throws {
    try self.init(
      height: Int(message.height), width: Int(message.width), seed: message.seed,
      output: Array(UnsafeBufferPointer(start: message.output, count: message.n_output)), tolerance: message.tolerance)
    let stored = Array(UnsafeBufferPointer(start: message.output_digest.data, count: message.output_digest.len))
    guard stored == outputDigest else { throw Self.malformed("its digest is not its output's") }
  }
}
