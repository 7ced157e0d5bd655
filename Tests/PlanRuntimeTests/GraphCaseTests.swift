import ExecutionPlan
import Foundation
import ModelCompiler
import PlanRuntime
import SafetensorsFormat
import Tensors
import TestSupport
import Testing

/// Graphs of primitives from file to result: a node test of the onnx package for each operator, and networks that
/// torch.onnx exported, against what their authors' tools computed.
@Suite struct GraphCaseTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var rtol: Double
    var atol: Double
    var types: [String: String]?
    var testDescription: String { name }
  }

  private struct List: Decodable { var cases: [Case] }

  static let cases: [Case] = {
    let file = Fixtures.directory.appendingPathComponent("onnx/cases.json")
    guard let data = try? Data(contentsOf: file), let list = try? JSONDecoder().decode(List.self, from: data) else {
      return []
    }
    return list.cases
  }()

  @Test func everyOperatorHasACase() { #expect(Self.cases.count > 150) }

  @Test(arguments: GraphCaseTests.cases) func agrees(_ testCase: Case) throws {
    let folder = Fixtures.path("onnx/\(testCase.name)")
    let compilation = try OnnxCompilation(path: folder + "/model.onnx", CompilationOptions(raises: false))
    let graph = compilation.imported.graph
    let values = try SafetensorsFile.read(path: folder + "/data.safetensors").catalogue
    let inputs = try graph.inputs.indices.map { try value("input_\($0)", values, testCase) }
    let expected = try graph.outputs.indices.map { try value("output_\($0)", values, testCase) }
    let plan = compilation.plan
    let plain = try TensorSession(plan: plan, workers: Workers(threads: 1), usesKernels: false).run(inputs)
    check(plain, expected, testCase)
    let single = try TensorSession(plan: plan, workers: Workers(threads: 1)).run(inputs)
    check(single, expected, testCase)
    let team = try TensorSession(plan: plan, workers: Workers(threads: 3)).run(inputs)
    for (one, three) in zip(single, team) { #expect(bytes(one) == bytes(three), "the number of threads shows") }
  }

  @Test func graphsSurviveThePlanFile() throws {
    let model = Fixtures.path("onnx/nafnet-script/model.onnx")
    let compilation = try OnnxCompilation(path: model, CompilationOptions(raises: false))
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("graph-\(UUID().uuidString).plan").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PlanFile.write(compilation.plan, to: path)
    #expect(try PlanFile.open(path: path).plan == compilation.compiled.plan)
  }

  private func value(_ name: String, _ values: TensorCatalogue, _ testCase: Case) throws -> Tensor {
    let tensor = try #require(values[name])
    guard let type = testCase.types?[name].flatMap(DType.init) else { return tensor }
    return try Tensor(dtype: type, shape: tensor.shape, storage: tensor.storage, byteOffset: tensor.byteOffset)
  }

  private func check(_ results: [Tensor], _ expected: [Tensor], _ testCase: Case) {
    #expect(results.count == expected.count)
    for (result, wanted) in zip(results, expected) {
      #expect(result.dtype == wanted.dtype && result.shape == wanted.shape)
      let wrong = zip(result.doubles(), wanted.doubles()).first { a, b in
        a != b && !(a.isNaN && b.isNaN) && !((a - b).magnitude <= testCase.atol + testCase.rtol * b.magnitude)
      }
      #expect(wrong == nil)
    }
  }

  private func bytes(_ tensor: Tensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }
}
