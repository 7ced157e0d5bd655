import COnnxProto
import GraphIR
import PrimitiveOperators
import Tensors

/// The import of one model.
final class ModelImporter {
  private let properties: ModelProperties
  let functions: FunctionTable
  let decoder: TensorDecoder
  private var names = UniqueNames()
  private(set) var notes: [String] = []
  private var primitiveCount = 0
  /// Bytes of constants that folding made.
  var foldedBytes = 0
  /// Values that follow from constants alone and are not constants themselves, and their bytes.
  var derived: Set<ValueID> = []
  var derivedBytes = 0

  init(_ model: OnnxModel, _ options: OnnxModel.ImportOptions) throws {
    properties = try ModelProperties(model)
    functions = try FunctionTable(model)
    decoder = TensorDecoder(
      model: model, external: ExternalFolder(modelPath: model.path, followsLinks: options.followsLinks))
  }

  func run() throws -> ImportedGraph {
    let graph = properties.graph
    try ModelSurvey.check(graph, properties.opsets, functions)
    let target = GraphUnderConstruction()
    let scope = NameScope(target)
    let initializers = try addInitializers(graph, scope)
    let inputs = try addInputs(graph, scope, except: initializers)
    let environment = NodeEnvironment(scope: scope, opsets: properties.opsets, bindings: nil, prefix: "")
    try NodeImporter(self, environment).run(graph.nodes)
    let outputs = graph.outputs.map { text($0.pointee.name) }
    guard !outputs.isEmpty else { throw EVSSMError("onnx.no-output", "The graph has no outputs.") }
    guard Set(outputs).count == outputs.count else {
      throw EVSSMError("onnx.duplicate-name", "Two outputs of the graph have the same name.")
    }
    target.graph.setOutputs(try outputs.map(scope.value))
    try noteContradictions(graph, scope)
    let ordered = try target.graph.ordered()
    try Verifier.check(ordered, after: "import")
    return ImportedGraph(graph: ordered, inputNames: inputs, outputNames: outputs, notes: notes)
  }

  func uniqueName(_ name: String) -> String { names.take(name) }

  /// A number for each primitive: what the names of its sizes begin with.
  func nextPrimitive() -> String {
    primitiveCount += 1
    return String(primitiveCount)
  }
}

extension ModelImporter {
  /// Adds the tensors of a graph as constants. Returns their names.
  func addInitializers(_ graph: GraphMessage, _ scope: NameScope) throws -> Set<String> {
    var names: Set<String> = []
    func add(_ name: String, _ tensor: Tensor) throws {
      guard !name.isEmpty else { throw TensorDecoder.error("of the graph has no name") }
      try scope.define(name, scope.target.graph.addConstant(name, tensor))
      names.insert(name)
    }
    for message in graph.initializers { try add(text(message.pointee.name), decoder.tensor(message)) }
    for message in graph.sparseInitializers {
      try add(text(message.pointee.values?.pointee.name), decoder.dense(message))
    }
    return names
  }

  /// Declares the inputs that are no initializers. Returns their names.
  private func addInputs(_ graph: GraphMessage, _ scope: NameScope, except initializers: Set<String>) throws -> [String]
  {
    var types = InputTypes()
    var seen: Set<String> = []
    var names: [String] = []
    let inputs = graph.inputs.filter { !initializers.contains(text($0.pointee.name)) }
    for info in graph.inputs where !seen.insert(text(info.pointee.name)).inserted {
      throw EVSSMError(
        "onnx.duplicate-name", "Two inputs have the same name.", place: .init(node: text(info.pointee.name)))
    }
    for info in inputs {
      let name = text(info.pointee.name)
      do {
        guard !name.isEmpty else { throw EVSSMError("onnx.type", "An input has no name.") }
        guard let (dtype, sizes) = try StatedType.read(info), let sizes else {
          throw EVSSMError("onnx.type", "The input does not say its element type and its number of axes.")
        }
        let picture = inputs.count == 1 ? InputTypes.picture(dtype, sizes) : nil
        let type = picture ?? types.type(dtype, sizes, input: name)
        try scope.define(name, scope.target.graph.addInput(name, type))
        names.append(name)
      } catch let error as EVSSMError { throw error.at(.init(node: name)) }
    }
    return names
  }

  /// Compares the types that the file states with those that were inferred, which count.
  private func noteContradictions(_ graph: GraphMessage, _ scope: NameScope) throws {
    for info in graph.valueInfos + graph.outputs {
      let name = text(info.pointee.name)
      guard let id = scope.find(name), let (dtype, sizes) = try StatedType.read(info) else { continue }
      let inferred = scope.target.graph[id].type
      guard dtype == inferred.dtype else {
        throw EVSSMError(
          "onnx.type",
          "The value is said to be \(dtype.rawValue) and is \(inferred.dtype.rawValue). A tool has left a type behind that no longer "
            + "holds: take what it says of that value (value_info) out of the model.",
          place: .init(node: name))
      }
      guard let sizes, contradicts(sizes, inferred.shape) else { continue }
      notes.append("\(EVSSMError.escaped(name)) has another shape than the file says: \(inferred)")
    }
  }

  private func contradicts(_ stated: [StatedType.Size], _ inferred: [Dimension]) -> Bool {
    guard stated.count == inferred.count else { return true }
    return zip(stated, inferred).contains { stated, inferred in
      guard case .known(let size) = stated, let known = inferred.known else { return false }
      return size != known
    }
  }
}

/// Makes names unique by numbers after them.
private struct UniqueNames {
  private var uses: [String: Int] = [:]

  mutating func take(_ name: String) -> String {
    var candidate = name
    while let count = uses[candidate] {
      uses[candidate] = count + 1
      candidate = "\(candidate)_\(count)"
    }
    uses[candidate] = 1
    return candidate
  }
}
