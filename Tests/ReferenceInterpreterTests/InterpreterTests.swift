import EVSSMModel
import GraphIR
import ReferenceInterpreter
import Tensors
import TestSupport
import Testing

/// An operator that nothing evaluates.
private struct Unknown: Operator {
  static let name = "unknown"
  func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] { inputs }
}

@Suite struct InterpreterTests {
  private func oneNode(_ op: any Operator, _ type: ValueType) throws -> Graph {
    var graph = Graph()
    let x = graph.addInput("x", type)
    graph.setOutputs(try graph.add(op, [x], name: "node"))
    return graph
  }

  private let square = ValueType.map(.float32, 1, Dimension(symbol: "S"), Dimension(symbol: "S"))

  @Test func inputsMustHaveTheGraphsShapes() throws {
    let interpreter = try Interpreter<Float>(oneNode(ElementwiseUnary(.negate), square))
    #expect(
      try interpreter.run([ReferenceArray(shape: [1, 1, 2, 2], elements: [1, 2, 3, 4])])[0].elements == [
        -1, -2, -3, -4,
      ])
    for shape in [[1, 1, 2, 3], [1, 2, 2, 2], [1, 2, 2], []] {
      let input = try ReferenceArray<Float>(shape: shape, elements: .init(repeating: 0, count: shape.reduce(1, *)))
      let error = #expect(throws: EVSSMError.self) { try interpreter.run([input]) }
      #expect(error?.code == "interpreter.input")
    }
    #expect(throws: EVSSMError.self) { try interpreter.run([] as [ReferenceArray<Float>]) }
    #expect(throws: EVSSMError.self) { try ReferenceArray<Float>(shape: [2, 2], elements: [1]) }
  }

  @Test func sizesTooLargeAreRefusedBeforeTheyAreMade() throws {
    let grow = ValueType.map(.float32, 1, Dimension(symbol: "H"), Dimension(symbol: "W"))
    let input = try ReferenceArray<Float>(shape: [1, 1, 2, 2], elements: [1, 2, 3, 4])
    for (multiple, code) in [(1 << 20, "limit.exceeded"), (1 << 40, "size.overflow")] {
      let pad = try oneNode(ReflectPad(multiple: multiple), grow)
      let error = #expect(throws: EVSSMError.self) { try Interpreter<Float>(pad).run([input]) }
      #expect(error?.code.rawValue == code)
      #expect(error?.place.node == "node")
    }
  }

  @Test func unknownOperatorsAreNamed() throws {
    let interpreter = try Interpreter<Float>(oneNode(Unknown(), square))
    let error = #expect(throws: EVSSMError.self) {
      try interpreter.run([ReferenceArray(shape: [1, 1, 1, 1], elements: [1])])
    }
    #expect(error?.code == "interpreter.operator")
    #expect(error?.place.node == "node")
  }

  @Test func theObserverSeesEveryNodeAndMayStop() throws {
    let architecture = SeededWeights.architecture(dim: 4, blocks: [1, 1, 1])
    let graph = try EVSSMModel.graph(SeededWeights.catalogue(architecture, seed: 1), architecture)
    let picture = try ReferenceArray(
      shape: [1, 3, 20, 20], elements: SeededWeights.picture(height: 20, width: 20, seed: 1))
    var seen: [String] = []
    _ = try Interpreter<Float>(graph).run([picture]) { name, _, _ in if seen.last != name { seen.append(name) } }
    #expect(seen == graph.nodes.map(\.name))
    struct Stop: Error {}
    #expect(throws: Stop.self) { try Interpreter<Float>(graph).run([picture]) { _, _, _ in throw Stop() } }
  }

  @Test func bothPrecisionsAgree() throws {
    let architecture = SeededWeights.architecture(dim: 4, blocks: [1, 2, 1])
    let graph = try EVSSMModel.graph(SeededWeights.catalogue(architecture, seed: 3), architecture)
    let picture = SeededWeights.picture(height: 21, width: 22, seed: 1)
    let single = try Interpreter<Float>(graph).run([ReferenceArray(shape: [1, 3, 21, 22], elements: picture)])[0]
    let double = try Interpreter<Double>(graph)
      .run([ReferenceArray(shape: [1, 3, 21, 22], elements: picture.map(Double.init))])[0]
    expectClose(single.elements.map(Double.init), double.elements, within: 2e-5)
    #expect(single.shape == [1, 3, 21, 22])
  }

  @Test func picturesUnderTwentyPixelsAreRefused() throws {
    let architecture = SeededWeights.architecture(dim: 4, blocks: [1, 1, 1])
    let graph = try EVSSMModel.graph(SeededWeights.catalogue(architecture, seed: 1), architecture)
    for (height, width) in [(16, 40), (40, 16), (1, 1), (3, 24)] {
      let picture = SeededWeights.picture(height: height, width: width, seed: 1)
      let error = #expect(throws: EVSSMError.self) {
        try Interpreter<Float>(graph).run([ReferenceArray(shape: [1, 3, height, width], elements: picture)])
      }
      #expect(error?.code == "interpreter.pad")
    }
  }
}
