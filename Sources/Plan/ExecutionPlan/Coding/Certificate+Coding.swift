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
    switch tier {
    case .close(let tolerance): writer.float(6, tolerance)
    case .reduced(let decibels): writer.float(7, decibels)
    }
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
    guard message.tolerance == 0 || message.least_decibels == 0 else { throw Self.malformed("it has two tolerances") }
    try self.init(
      height: Int(message.height), width: Int(message.width), seed: message.seed,
      output: Array(UnsafeBufferPointer(start: message.output, count: message.n_output)),
      tier: message.least_decibels == 0 ? .close(message.tolerance) : .reduced(decibels: message.least_decibels))
    let stored = Array(UnsafeBufferPointer(start: message.output_digest.data, count: message.output_digest.len))
    guard stored == outputDigest else { throw Self.malformed("its digest is not its output's") }
  }
}
