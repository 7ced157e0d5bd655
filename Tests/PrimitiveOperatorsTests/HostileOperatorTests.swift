@testable import PrimitiveOperators
import TestSupport
import Testing

/// Entries O49 to O61 of the catalogue, generated: every operator, every attribute, every operand.
@Suite struct HostileOperatorTests {
  @Test func everyOperatorHasASampleThatIsValid() throws {
    let samples = try OperatorSample.all()
    #expect(Set(samples.map(\.call.type)) == Set(PrimitiveRegistry.types))
    for sample in samples where !["Loop", "If", "Scan"].contains(sample.call.type) {
      #expect(throws: Never.self, "\(sample.call.type)") {
        try sample.call.evaluated(PrimitiveRegistry.operator(for: sample.call), sample.operands.compactMap { $0 })
      }
    }
  }

  @Test(arguments: PrimitiveRegistry.types) func hostileApplications(_ type: String) throws {
    try onSmallStack {
      for sample in try OperatorSample.all() where sample.call.type == type {
        for entry in HostileMutations(sample: sample).cases() {
          if let wrong = HostileContract.violation(entry.sample) { Issue.record("\(entry.label): \(wrong)") }
        }
      }
    }
  }
}
