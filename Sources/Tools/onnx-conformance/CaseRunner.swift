import Checkpoints
import ExecutionPlan
import Foundation
import ModelCompiler
import PlanRuntime
import Tensors

/// How a case ended.
struct CaseOutcome: Encodable {
  var name: String
  /// `passed`, `failed` or `error`.
  var status: String
  var detail = ""
  var code = ""

  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}

/// The cases that a folder lists.
struct CaseList: Decodable {
  struct Case: Decodable {
    var name: String
    var rtol: Double
    var atol: Double
    var out_of_scope: String?
    var unsupported: String?
    /// Element types of values that are kept as bytes.
    var types: [String: String]?
  }

  var cases: [Case]

  init(folder: String) throws {
    self = try JSONDecoder().decode(CaseList.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/cases.json")))
  }

  static func names(in folder: String) throws -> [String] {
    try CaseList(folder: folder).cases.filter { $0.out_of_scope == nil && $0.unsupported == nil }.map(\.name)
  }
}

/// Imports, compiles and runs cases as the command-line tool does: through a plan file, with its kernels and without
/// them, and on one and several threads, which must agree to the bit.
struct CaseRunner {
  let folder: String
  let workers: Workers
  let alone: Workers
  let tolerances: [String: (rtol: Double, atol: Double)]
  let types: [String: [String: String]]

  init(folder: String) throws {
    self.folder = folder
    workers = try Workers(threads: 2)
    alone = try Workers(threads: 1)
    let list = try CaseList(folder: folder).cases
    types = Dictionary(list.map { ($0.name, $0.types ?? [:]) }, uniquingKeysWith: { $1 })
    tolerances = Dictionary(
      list.map { ($0.name, ($0.rtol, $0.atol)) }, uniquingKeysWith: { first, _ in first })
  }

  func run(_ name: String) -> CaseOutcome {
    do {
      let data = try Checkpoint.read(path: "\(folder)/\(name)/data.safetensors").catalogue
      let compilation = try compiled(name)
      let path = FileManager.default.temporaryDirectory.path + "/onnx-conformance-\(getpid()).plan"
      defer { unlink(path) }
      try PlanFile.write(compilation.plan, to: path)
      let plan = try PlanFile.open(path: path)
      let inputs = try values(name, data, "input", compilation.imported.graph.inputs.count)
      let expected = try values(name, data, "output", compilation.imported.graph.outputs.count)
      for usesKernels in [true, false] {
        let results = try TensorSession(plan: plan, workers: workers, usesKernels: usesKernels).run(inputs)
        let single = try TensorSession(plan: plan, workers: alone, usesKernels: usesKernels).run(inputs)
        for (index, pair) in zip(results, single).enumerated() where pair.0.bytes != pair.1.bytes {
          return CaseOutcome(name: name, status: "failed", detail: "output \(index) depends on the number of threads")
        }
        for (index, pair) in zip(results, expected).enumerated() {
          let tolerance = tolerances[name] ?? (1e-3, 1e-7)
          if let difference = TensorDifference(pair.0, pair.1, rtol: tolerance.rtol, atol: tolerance.atol).text {
            let way = usesKernels ? "" : ", without kernels"
            return CaseOutcome(name: name, status: "failed", detail: "output \(index)\(way): \(difference)")
          }
        }
      }
      return CaseOutcome(name: name, status: "passed")
    } catch let error as EVSSMError {
      return CaseOutcome(name: name, status: "error", detail: error.message, code: error.code.rawValue)
    } catch {
      return CaseOutcome(name: name, status: "error", detail: "\(error)")
    }
  }

  /// The median time of a case over five seconds, and the steps that take longest.
  func times(_ name: String) throws -> [String] {
    let data = try Checkpoint.read(path: "\(folder)/\(name)/data.safetensors").catalogue
    let compilation = try compiled(name)
    let session = try TensorSession(plan: compilation.plan, workers: workers)
    let inputs = try values(name, data, "input", compilation.imported.graph.inputs.count)
    var times: [Double] = []
    let clock = ContinuousClock()
    let start = clock.now
    while clock.now - start < .seconds(5) || times.count < 3 {
      let before = clock.now
      _ = try session.run(inputs)
      times.append((clock.now - before) / .milliseconds(1))
    }
    let steps = Dictionary(grouping: session.stepSeconds, by: \.operation)
      .mapValues { (count: $0.count, seconds: $0.reduce(0) { $0 + $1.seconds }) }
      .sorted { $0.value.seconds > $1.value.seconds }
    return ["median \(times.sorted()[times.count / 2]) ms, least \(times.min() ?? 0) ms, \(times.count) runs"]
      + steps.prefix(20).map { "  \($0.value.seconds * 1000) ms in \($0.value.count) × \($0.key)" }
  }

  /// The case's model, node by node.
  private func compiled(_ name: String) throws -> OnnxCompilation {
    try OnnxCompilation(path: "\(folder)/\(name)/model.onnx", CompilationOptions(raises: false))
  }

  private func values(_ name: String, _ catalogue: TensorCatalogue, _ prefix: String, _ count: Int) throws -> [Tensor] {
    try (0..<count).map { index in
      guard let tensor = catalogue["\(prefix)_\(index)"] else {
        throw EVSSMError("case.values", "The case has fewer than \(count) values \(prefix).")
      }
      guard let type = types[name]?["\(prefix)_\(index)"].flatMap(DType.init) else { return tensor }
      return try Tensor(dtype: type, shape: tensor.shape, storage: tensor.storage, byteOffset: tensor.byteOffset)
    }
  }
}

/// Whether two tensors agree: element type, shape, and every element to within atol + rtol · |expected|.
struct TensorDifference {
  /// What differs; nil when nothing does.
  private(set) var text: String?

  init(_ actual: Tensor, _ expected: Tensor, rtol: Double, atol: Double) {
    guard actual.dtype == expected.dtype, actual.shape == expected.shape else {
      text = "\(actual.dtype.rawValue)\(actual.shape), not \(expected.dtype.rawValue)\(expected.shape)"
      return
    }
    for (index, (a, b)) in zip(actual.doubles(), expected.doubles()).enumerated() {
      if a == b || (a.isNaN && b.isNaN) { continue }
      if (a - b).magnitude <= atol + rtol * b.magnitude { continue }
      text = "element \(index) is \(a), not \(b)"
      return
    }
  }
}

extension Tensor {
  fileprivate var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
}
