import ExecutionPlan
import Imaging
import PictureQuality
import PlanRuntime
import TestSupport
import Tensors
import Testing

@Suite("Plans give the output of the authors' network")
struct GoldenTests {
  @Test(
    "on every instruction set and with 1, 2 and 3 threads, bit-identical for all of them",
    arguments: Golden.small + Golden.large)
  func everyInstructionSet(_ golden: Golden) throws {
    let plan = try golden.loadedPlan()
    for set in InstructionSet.available { try expect(golden, plan, set, threads: [1, 2, 3]) }
  }

  @Test("on a photograph at the authors' sizes")
  func photograph() throws {
    let plan = try Golden.photograph.loadedPlan()
    try expect(Golden.photograph, plan, .best, threads: [2, 3])
  }

  private func expect(_ golden: Golden, _ plan: LoadedPlan, _ set: InstructionSet, threads: [Int]) throws {
    let input = try golden.input()
    let expected = try golden.output()
    var first: [Float]?
    for count in threads {
      let session = try PlanSession(
        plan: plan, height: input.shape[2], width: input.shape[3], workers: Workers(threads: count),
        instructionSet: set)
      let output = try session.run(input.elements)
      if let first {
        #expect(output.map(\.bitPattern) == first.map(\.bitPattern), "\(golden), \(set), \(count) threads")
        continue
      }
      first = output
      let difference = try PictureDifference(output, expected)
      #expect(difference.maximum <= Double(Golden.tolerance), "\(golden), \(set)")
      try expectPicture(golden, output, width: session.width, height: session.height, set)
    }
  }

  /// Within one level, at most one byte in a thousand different.
  private func expectPicture(
    _ golden: Golden, _ output: [Float], width: Int, height: Int, _ set: InstructionSet
  ) throws {
    let found = try Picture(planes: output, width: width, height: height).rgb
    let expected = try golden.outputPicture().rgb
    try #require(found.count == expected.count)
    let differences = zip(found, expected).map { abs(Int($0) - Int($1)) }
    #expect(differences.max() ?? 0 <= 1, "\(golden), \(set)")
    #expect(differences.count { $0 != 0 } <= found.count / 1000, "\(golden), \(set)")
  }
}
