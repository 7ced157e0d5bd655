import CKernels
import Testing

@Suite("dispatch")
struct DispatchTests {
  @Test("a table names itself", arguments: InstructionSet.available)
  func tablesNameThemselves(_ set: InstructionSet) throws {
    let kernels = try #require(set.kernels)
    #expect(kernels.isa == set.isa)
    #expect(String(cString: kernels.isa_name) == set.testDescription)
  }

  @Test("the best set is one that the processor has, and the baseline always is")
  func bestIsAvailable() {
    #expect(evssm_kernels_for(evssm_best_isa()) != nil)
    #expect(evssm_kernels_for(EVSSM_ISA_BASELINE) != nil)
    #expect(evssm_best_isa() == InstructionSet.available.map(\.isa).max { $0.rawValue < $1.rawValue })
  }

  @Test("a value out of range has neither name nor kernels", arguments: [EVSSM_ISA_COUNT.rawValue, 77, UInt32.max])
  func outOfRange(_ value: UInt32) {
    #expect(evssm_isa_name(evssm_isa(rawValue: value)) == nil)
    #expect(evssm_kernels_for(evssm_isa(rawValue: value)) == nil)
  }

  @Test("the probe counts its multiply-adds", arguments: InstructionSet.available)
  func probeCounts(_ set: InstructionSet) throws {
    let kernels = try #require(set.kernels)
    let counts = [1, 1000].map { iterations in
      var sink = [Float](repeating: 0.5, count: 16)
      let count = sink.withUnsafeMutableBufferPointer { buffer in
        var args = evssm_peak_args(iterations: iterations, sink: buffer.baseAddress)
        return kernels.peak(&args)
      }
      #expect(sink.contains { $0 != 0.5 && $0.isFinite })
      return count
    }
    #expect(counts[0] > 0 && counts[1] == 1000 * counts[0])
  }
}
