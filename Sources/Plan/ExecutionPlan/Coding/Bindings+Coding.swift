import CPlanProto
import ProtobufWire
import Tensors

extension Plan {
  /// The bindings section.
  static func encoded(_ bindings: [BoundPlan]) -> [UInt8] {
    var writer = WireWriter()
    for binding in bindings {
      writer.message(1) {
        $0.integer(1, binding.height)
        $0.integer(2, binding.width)
        $0.integer(3, binding.arenaByteCount)
        $0.packed(4, binding.placement.offsets)
      }
    }
    return writer.bytes
  }

  /// Decodes a bindings section of this plan, which is valid; every placement is proven again.
  func decodedBindings(_ bytes: UnsafeRawBufferPointer) throws -> [BoundPlan] {
    try Limits.check(
      bytes.count, atMost: Self.maxSectionBytes, name: "max_plan_section", "The bindings section, in bytes,")
    return try withUnpackedMessage(
      bytes, as: Evssm__Plan__Bindings.self, PlanMessages.bindings, limits: Self.wireLimits
    ) { message in
      try Limits.check(
        message.pointee.n_bindings, atMost: Limits.maxPlanBindings, name: "max_plan_bindings", "The count of bindings")
      return try elements(message.pointee.bindings, message.pointee.n_bindings).map(decodedBinding)
    }
  }

  private func decodedBinding(_ message: Evssm__Plan__Binding) throws -> BoundPlan {
    let offsets = try UnsafeBufferPointer(start: message.offsets, count: message.n_offsets).map { try Checked.int($0) }
    let geometry = try PlanGeometry(self, height: Int(message.height), width: Int(message.width))
    let placement = MemoryPlacement(offsets: offsets, byteCount: try Checked.int(message.arena_byte_count))
    return try BoundPlan(geometry, placement)
  }
}
