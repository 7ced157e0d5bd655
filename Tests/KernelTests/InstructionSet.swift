import CKernels
import Testing

/// An instruction set that this processor has.
struct InstructionSet: Sendable, CustomTestStringConvertible {
  let isa: evssm_isa

  static let available: [InstructionSet] = (0..<EVSSM_ISA_COUNT.rawValue)
    .map { InstructionSet(isa: evssm_isa(rawValue: $0)) }
    .filter { evssm_kernels_for($0.isa) != nil }

  var testDescription: String { evssm_isa_name(isa).map { String(cString: $0) } ?? "none" }

  var kernels: evssm_kernels? { evssm_kernels_for(isa)?.pointee }
}
