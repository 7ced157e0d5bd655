import CKernels
import PlanRuntime
import Testing

@Suite struct InstructionSetTests {
  @Test("The instruction sets of the kernels and those known in Swift have the same names")
  func names() {
    let kernels = (0..<EVSSM_ISA_COUNT.rawValue).compactMap { value in
      evssm_isa_name(evssm_isa(rawValue: value)).map { String(cString: $0) }
    }
    #expect(kernels.count == Int(EVSSM_ISA_COUNT.rawValue))
    #expect(Set(kernels) == Set(InstructionSet.allCases.map(\.rawValue)))
    #expect(InstructionSet.available.contains(.baseline))
    #expect(InstructionSet.available.contains(.best))
  }
}
