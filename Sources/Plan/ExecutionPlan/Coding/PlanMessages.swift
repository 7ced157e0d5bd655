import CPlanProto
import CProtobufC

/// The generated descriptors. They are constants in C; Swift has no immutable view of one.
enum PlanMessages {
  static var program: UnsafePointer<ProtobufCMessageDescriptor> { evssm_plan_program_descriptor() }
  static var bindings: UnsafePointer<ProtobufCMessageDescriptor> { evssm_plan_bindings_descriptor() }
  static var certificate: UnsafePointer<ProtobufCMessageDescriptor> { evssm_plan_certificate_descriptor() }
}
