import ExecutionPlan
import Foundation
import PlanRuntime
import TestSupport
import Tensors
import Testing

@Suite("Plans with matrices in bfloat16")
struct ReducedPrecisionTests {
  /// Peak signal-to-noise ratio that is promised against the output in float32, in dB.
  private static let promised = 50.0

  @Test("keep the promised distance to float32 on every golden", arguments: Golden.small + Golden.large)
  func everyInstructionSet(_ golden: Golden) throws {
    let plan = try golden.loadedPlan(precision: .bfloat16)
    let input = try golden.input()
    let expected = try golden.output()
    for set in InstructionSet.available {
      let outputs = try [1, 2, 3].map { threads in
        try PlanSession(
          plan: plan, height: input.shape[2], width: input.shape[3], workers: Workers(threads: threads),
          instructionSet: set
        ).run(input.elements)
      }
      #expect(Self.decibels(outputs[0], expected) >= Self.promised, "\(golden), \(set)")
      for output in outputs.dropFirst() {
        #expect(output.map(\.bitPattern) == outputs[0].map(\.bitPattern), "\(golden), \(set)")
      }
    }
  }

  @Test("keep it on a photograph at the authors' sizes")
  func photograph() throws {
    let golden = Golden.photograph
    let input = try golden.input()
    let plan = try golden.loadedPlan(precision: .bfloat16)
    let session = try PlanSession(
      plan: plan, height: input.shape[2], width: input.shape[3], workers: Workers(threads: 2))
    #expect(try Self.decibels(session.run(input.elements), golden.output()) >= Self.promised)
  }

  @Test("give the same bits where the processor sums pairs and where that is emulated")
  func emulationIsExact() throws {
    let sets: [InstructionSet] = [.avx512bf16, .avx512]
    guard sets.allSatisfy(\.isAvailable), let golden = Golden.small.first else { return }
    let plan = try golden.loadedPlan(precision: .bfloat16)
    let input = try golden.input()
    let outputs = try sets.map { set in
      try PlanSession(
        plan: plan, height: input.shape[2], width: input.shape[3], workers: Workers(threads: 1), instructionSet: set
      ).run(input.elements).map(\.bitPattern)
    }
    #expect(outputs[0] == outputs[1])
  }

  @Test("round matrices alone, from the middle of the first level on", arguments: Golden.small.prefix(3))
  func constants(_ golden: Golden) throws {
    let full = try golden.loadedPlan().plan
    let reduced = try golden.loadedPlan(precision: .bfloat16).plan
    #expect(full.precision == .float32 && reduced.precision == .bfloat16)
    #expect(full.steps.map(\.name) == reduced.steps.map(\.name))
    let halving = try #require(
      reduced.steps.firstIndex { $0.operation is HalveConvolution })
    // The picture's convolution, then two stages a block; of an odd number of blocks the middle one is not rounded.
    let blocks = (halving - 1) / 2
    let first = 1 + 2 * ((blocks + 1) / 2)
    for (index, step) in reduced.steps.enumerated() {
      for requirement in try step.operation.requirements().constants {
        let constant = reduced.constants[requirement.id.rawValue]
        let isRounded = index >= first && index != halving && requirement.pairedCount != nil
        #expect((constant.element == .bfloat16) == isRounded, "\(constant.name)")
      }
    }
  }

  private static func decibels(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count else { return -.infinity }
    let squares = zip(found, expected).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    return -10 * log10(squares / Double(found.count))
  }
}
