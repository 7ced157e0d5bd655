import COnnxProto
import PrimitiveOperators
import Tensors

/// What an ONNX file says of itself, without its tensors' data: for people.
package struct OnnxSummary: Sendable {
  package struct Value: Sendable {
    package var name: String
    /// Such as `float32[1, 3, height, width]`.
    package var type: String
  }

  package struct Initializer: Sendable {
    package var name: String
    package var dtype: String
    package var shape: [Int]
    /// The file with its data; nil if they lie in the model's.
    package var file: String?
  }

  package struct OperatorUse: Sendable {
    /// With its domain, unless that is the standard one.
    package var type: String
    package var count: Int
    package var isSupported: Bool
  }

  package var formatVersion: Int
  package var producer: String
  package var opsets: [(domain: String, version: Int)]
  package var metadata: [(key: String, value: String)]
  package var inputs: [Value]
  package var outputs: [Value]
  package var initializers: [Initializer]
  /// Names of functions that the model defines.
  package var functions: [String]
  /// By type; those in bodies and functions are counted once each.
  package var operators: [OperatorUse]

  package var nodeCount: Int { operators.reduce(0) { $0 + $1.count } }
  /// Elements of all initializers.
  package var parameterCount: Int {
    initializers.reduce(0) { sum, tensor in
      tensor.shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue } &+ sum
    }
  }
}

extension OnnxModel {
  /// The summary. Throws `onnx.no-graph`, `onnx.format-version`, `onnx.opset` and what stated types throw.
  ///
  /// - Complexity: O(nodes + initializers).
  package func summary() throws -> OnnxSummary {
    do { return try makeSummary() } catch let error as EVSSMError {
      throw path.map { error.at(.init(file: $0)) } ?? error
    }
  }

  private func makeSummary() throws -> OnnxSummary {
    let properties = try ModelProperties(self)
    let functions = try FunctionTable(self)
    let graph = properties.graph
    let m = message.pointee
    let initialized = Set(graph.initializers.map { text($0.pointee.name) })
    let own = graph.inputs.filter { !initialized.contains(text($0.pointee.name)) }
    return OnnxSummary(
      formatVersion: Int(m.ir_version),
      producer: [text(m.producer_name), text(m.producer_version)].filter { !$0.isEmpty }.joined(separator: " "),
      opsets: properties.opsets.sorted { $0.key < $1.key }.map { ($0.key.isEmpty ? "ai.onnx" : $0.key, $0.value) },
      metadata: messages(m.metadata_props, m.n_metadata_props).map { (text($0.pointee.key), text($0.pointee.value)) },
      inputs: try own.map(value), outputs: try graph.outputs.map(value),
      initializers: try graph.initializers.map(initializer), functions: functions.keys.map(\.name).sorted(),
      operators: operators(graph, properties.opsets))
  }

  private func value(_ info: ValueInfoMessage) throws -> OnnxSummary.Value {
    guard let (dtype, sizes) = try StatedType.read(info) else { return .init(name: text(info.pointee.name), type: "") }
    let axes = sizes?.map { size in
      switch size {
      case .known(let size): String(size)
      case .named(let name): name
      case .unknown: "?"
      }
    }
    return .init(
      name: text(info.pointee.name), type: dtype.rawValue + (axes.map { "[" + $0.joined(separator: ", ") + "]" } ?? ""))
  }

  private func initializer(_ tensor: TensorMessage) throws -> OnnxSummary.Initializer {
    let entries = messages(tensor.pointee.external_data, tensor.pointee.n_external_data)
    return OnnxSummary.Initializer(
      name: text(tensor.pointee.name),
      dtype: (try? ElementType.dtype(tensor.pointee.data_type).rawValue) ?? "unsupported",
      shape: try TensorDecoder.shape(numbers(tensor.pointee.dims, tensor.pointee.n_dims)),
      file: entries.first { text($0.pointee.key) == "location" }.map { text($0.pointee.value) })
  }

  private func operators(_ graph: GraphMessage, _ opsets: [String: Int]) -> [OnnxSummary.OperatorUse] {
    var counts: [FunctionKey: Int] = [:]
    // Graphs still to be looked at: nesting is bounded, so is what is pending.
    var lists = [graph.nodes]
    for function in messages(message.pointee.functions, message.pointee.n_functions) { lists.append(function.nodes) }
    var defined: Set<FunctionKey> = []
    for function in messages(message.pointee.functions, message.pointee.n_functions) { defined.insert(function.key) }
    while let nodes = lists.popLast() {
      for node in nodes {
        counts[node.functionKey, default: 0] += 1
        lists += node.graphs.map(\.nodes)
      }
    }
    return counts.map { key, count in
      let opset = opsets[key.domain] ?? 0
      let isSupported =
        defined.contains(key) || (key.domain.isEmpty && ModelSurvey.readHere.contains(key.name))
        || PrimitiveRegistry.supports(domain: key.domain, type: key.name, opset: opset)
      return .init(
        type: key.domain.isEmpty ? key.name : key.domain + "." + key.name, count: count, isSupported: isSupported)
    }.sorted { $0.type < $1.type }
  }

  /// The initializers of the graph as a checkpoint's tensors, in the order of the file.
  ///
  /// Throws what ``imported(_:)`` throws for tensors.
  package func initializers(_ options: ImportOptions = ImportOptions()) throws -> TensorCatalogue {
    do {
      let graph = try ModelProperties(self).graph
      let decoder = TensorDecoder(
        model: self, external: ExternalFolder(modelPath: path, followsLinks: options.followsLinks))
      var catalogue = TensorCatalogue()
      for message in graph.initializers { try catalogue.append(text(message.pointee.name), decoder.tensor(message)) }
      for message in graph.sparseInitializers {
        try catalogue.append(text(message.pointee.values?.pointee.name), decoder.dense(message))
      }
      return catalogue
    } catch let error as EVSSMError { throw path.map { error.at(.init(file: $0)) } ?? error }
  }
}
