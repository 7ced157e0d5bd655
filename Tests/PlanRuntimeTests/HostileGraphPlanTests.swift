import ExecutionPlan
import ModelCompiler
import PlanRuntime
import PrimitiveOperators
import SafetensorsFormat
import Tensors
import TestSupport
import Testing

/// Plans whose graph is not what a compiler makes: every operator's node test with one thing changed, run on a small
/// stack. Each must end in an error of this project or in a result.
@Suite struct HostileGraphPlanTests {
  @Test(arguments: GraphCaseTests.cases.map(\.name)) func changedPlans(_ name: String) throws {
    let model = Fixtures.path("onnx/\(name)/model.onnx")
    let loaded = try OnnxCompilation(path: model, CompilationOptions(raises: false)).plan
    let graph = try #require(loaded.plan.graph)
    // Networks have the same operators as the node tests, and take long.
    guard graph.program.nodes.count <= 32 else { return }
    let values = try SafetensorsFile.read(path: Fixtures.path("onnx/\(name)/data.safetensors")).catalogue
    let workers = try Workers(threads: 2)
    for change in HostileGraphs(graph).changes() {
      try onSmallStack {
        do {
          var plan = loaded.plan
          plan.graph = change.graph
          let hostile = try LoadedPlan(plan: plan, weights: loaded.weightsStorage)
          let inputs = try change.graph.inputs.map { try Self.input($0, values) }
          for usesKernels in [true, false] {
            _ = try TensorSession(plan: hostile, workers: workers, usesKernels: usesKernels).run(inputs)
          }
        } catch let error as EVSSMError {
          #expect(error.category != .internal, "\(change.label): \(error)")
        }
      }
    }
  }

  /// The case's own tensor for a port, if it has one of that type; zeros otherwise.
  private static func input(_ port: TensorPort, _ values: TensorCatalogue) throws -> Tensor {
    let shape = port.shape.map { size -> Int in
      if case .constant(let known) = size { known } else { 2 }
    }
    for index in 0..<values.count {
      if let tensor = values["input_\(index)"], tensor.dtype == port.dtype, tensor.shape == shape { return tensor }
    }
    try Limits.check(Checked.product(shape), atMost: 1 << 16, name: "test", "The size of a test's input")
    return try Tensor(dtype: port.dtype, shape: shape) { _ in }
  }
}
