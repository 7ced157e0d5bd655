import Imaging
import ModelCompiler
import NumpyFormat
import PlanRuntime
import Tensors
import TestSupport
import Testing

/// The authors' network as torch.onnx exports it, run node by node, against its own outputs.
@Suite struct OnnxGoldenTests {
  private func run(_ name: String, _ input: Tensor) throws -> Tensor {
    let path = Fixtures.path("onnx/\(name).onnx")
    let compilation = try OnnxCompilation(path: path, CompilationOptions(raises: false))
    return try TensorSession(plan: compilation.plan, workers: Workers(threads: 2)).run([input])[0]
  }

  private func expectClose(_ found: [Float], _ expected: [Float]) {
    #expect(found.count == expected.count)
    let difference = zip(found, expected).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    #expect(difference < 2e-5)
  }

  @Test func externalData() throws {
    let input = try NumpyFile.read(path: Fixtures.path("onnx/tiny-32x40-input.npy"))
    let expected = try NumpyFile.read(path: Fixtures.path("onnx/tiny-32x40-output.npy"))
    let found = try run("tiny-32x40-opset18", Tensor(shape: [1, 3, 32, 40], floats: input.floats()))
    expectClose(found.floats(), expected.floats())
  }

  @Test func oneFile() throws {
    let golden = try #require(Golden.small.first)
    let input = try golden.input()
    let found = try run("small-48x80-opset20", Tensor(shape: input.shape, floats: input.elements))
    expectClose(found.floats(), try golden.output())
  }
}
