import GraphIR
import GraphRaising
import ReferenceInterpreter
import TestSupport
import Tensors
import Testing

@testable import GraphCompiler

/// However a selective scan is written, it is recognised as what it is; what is another function is not.
@Suite struct ScanFormTests {
  private static func raised(_ form: ScanForm) throws -> (source: Graph, raised: Graph) {
    var builder = ScanFormBuilder(form)
    let source = try builder.graph().ordered()
    try Verifier.check(source, after: "building")
    return (source, try RaisePrimitives().run(source).graph)
  }

  private static func scans(_ graph: Graph) -> Int { graph.nodes.filter { $0.op is SelectiveScan }.count }

  private static func outputs(_ graph: Graph) throws -> [Float] {
    let count = ScanFormBuilder.pictureChannels * ScanFormBuilder.length
    var generator = SeededGenerator(seed: 3)
    let values = (0..<count).map { _ in Float(generator.uniform() * 2 - 1) }
    let shape = [1, ScanFormBuilder.pictureChannels, ScanFormBuilder.height, ScanFormBuilder.width]
    return try Interpreter<Float>(graph).run([ReferenceArray<Float>(try Tensor(shape: shape, floats: values))])[0]
      .elements
  }

  @Test(arguments: ScanForm.samples(seed: 7, count: 96)) func aFormIsRecognised(_ form: ScanForm) throws {
    let (source, raised) = try Self.raised(form)
    try #require(Self.scans(raised) == 1 && !raised.nodes.contains { $0.op is Primitive }, "\(raised.dump())")
    let (expected, found) = (try Self.outputs(source), try Self.outputs(raised))
    let scale = expected.map(abs).max() ?? 0
    #expect(scale > 0.01)
    #expect(zip(expected, found).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, scale) })
  }

  static let flawed: [ScanForm] = ScanForm.Control.allCases.flatMap { control in
    ScanForm.Flaw.allCases.compactMap { flaw -> ScanForm? in
      switch flaw {
      case .readsNextInput, .swapsResults, .changesDecay:
        guard control == .stacked || control == .scattered else { return nil }
      case .readsBackwards: guard control == .loop else { return nil }
      default: break
      }
      return ScanForm(control: control, flaw: flaw)
    }
  }

  @Test(arguments: flawed) func anotherFunctionIsNotRaised(_ form: ScanForm) throws {
    let (source, raised) = try Self.raised(form)
    #expect(Self.scans(raised) == 0)
    // The mistake is one: the results differ from those of the form without it.
    var right = form
    right.flaw = nil
    let (wrong, good) = (try Self.outputs(source), try Self.outputs(Self.raised(right).source))
    #expect((zip(wrong, good).map { abs($0 - $1) }.max() ?? 0) > 1e-3)
  }
}
