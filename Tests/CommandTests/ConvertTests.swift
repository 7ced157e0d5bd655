import SafetensorsFormat
import TestSupport
import Tensors
import Testing
import TorchFormat

@Suite("evssm convert")
struct ConvertTests {
  private func convert(_ arguments: String...) throws {
    let outcome = try CommandLineTool.run(["convert"] + arguments)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  private func expectEqual(_ a: TensorCatalogue, _ b: TensorCatalogue) {
    #expect(a.names == b.names)
    for name in a.names {
      let (x, y) = (a[name], b[name])
      #expect(x?.shape == y?.shape && x?.dtype == y?.dtype, "\(name)")
      #expect(x?.withUnsafeBytes { Array($0) } == y?.withUnsafeBytes { Array($0) }, "\(name)")
    }
  }

  @Test("goes from .pth to .safetensors and back bit for bit")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let path = try SmallModel.checkpoint(in: directory)
    let (middle, back) = (directory.path("a.safetensors"), directory.path("b.pth"))
    try convert(path, middle)
    try convert(middle, back)
    expectEqual(try SafetensorsFile.read(path: middle).catalogue, try SmallModel.catalogue())
    #expect(try bytes(ofFile: back) == bytes(ofFile: path))
    #expect(try directory.contents() == ["a.safetensors", "b.pth", "small.pth"])
  }

  @Test(
    "rounds floating-point tensors to the type asked for, and leaves others",
    arguments: ["float16", "bfloat16", "float64"])
  func types(_ name: String) throws {
    let directory = try TemporaryDirectory()
    var catalogue = TensorCatalogue()
    try catalogue.append("a", Tensor(shape: [3], floats: [0.1, -2, 65_000]))
    try catalogue.append("n", Tensor(dtype: .int32, shape: [1]) { $0.storeBytes(of: 9, as: Int32.self) })
    let (path, out) = (directory.path("a.safetensors"), directory.path("b.safetensors"))
    try SafetensorsFile.write(catalogue, to: path)
    try convert(path, out, "--dtype", name)
    let type = try #require(DType(rawValue: name))
    let expected = try catalogue.map { _, tensor in tensor.dtype == .int32 ? tensor : try tensor.converted(to: type) }
    expectEqual(try SafetensorsFile.read(path: out).catalogue, expected)
  }

  @Test("uses the key it is told, and refuses one for safetensors")
  func key() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("a.pth")
    try TorchCheckpoint.write(SmallModel.catalogue(), wrapper: "generator", to: path)
    try convert(path, directory.path("b.safetensors"), "--key", "generator")
    let missing = try CommandLineTool.run(["convert", path, directory.path("c.pth"), "--key", "params"])
    #expect(missing.status == 65 || missing.status == 64)
    let refused = try CommandLineTool.run(
      ["convert", directory.path("b.safetensors"), directory.path("c.pth"), "--key", "x"])
    #expect(refused.status == 64)
    #expect(try directory.contents() == ["a.pth", "b.safetensors"])
  }
}
