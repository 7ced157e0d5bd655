import GraphIR
import Tensors

/// Writes the graph of a network, as ``EVSSMModel`` builds it, as an ONNX model.
///
/// Nothing is folded, so every weight keeps its name, its values and nearly its shape. One input, `picture`, float32
/// (1, 3, H, W), and one output of the same type, `restored`. The same graph and options give the same bytes.
package enum OnnxWriter {
  /// How the selective scan is written.
  package enum ScanForm: String, Sendable, CaseIterable {
    /// ONNX's Scan over positions.
    case scan
    /// A call of the model-local function `evssm.SelectiveScan`, whose body is that Scan: an engine that knows the function
    /// can put its own implementation in its place, and any other runs the body.
    case function
  }

  /// The operator sets that can be asked for; the newest is the one of onnx 1.23.
  package static let opsets = 17...28
  /// Gelu is one operator from here on.
  static let geluOpset = 20
  /// The axes of a reduction are an input from here on.
  static let reductionAxesOpset = 18

  package struct Options: Sendable {
    package var opset: Int
    package var scanForm: ScanForm
    /// Sizes of the graph's symbols when the model is to run at one size alone; else it runs at any.
    package var sizes: SymbolSizes
    /// Whether weights are written to a second file, `….data`. Above 2 GiB they always are.
    package var usesExternalData: Bool
    /// Stands in the model's description.
    package var documentation: String

    package init(
      opset: Int = 20, scanForm: ScanForm = .scan, sizes: SymbolSizes = [:], usesExternalData: Bool = false,
      documentation: String = ""
    ) {
      self.opset = opset
      self.scanForm = scanForm
      self.sizes = sizes
      self.usesExternalData = usesExternalData
      self.documentation = documentation
    }
  }

  /// What was written.
  package struct Report: Sendable, Hashable {
    package var nodes: Int
    package var initializers: Int
    package var byteCount: Int
    /// The file with the weights, if there is one.
    package var externalPath: String?
  }

  /// Writes the model to `path`.
  ///
  /// Throws `onnx.opset` for an operator set that is not in ``opsets``, `onnx.no-form` for an operator that has no form
  /// in ONNX here, and `file.unwritable`.
  /// - Complexity: O(weights); weights in float32 are not copied.
  package static func write(_ graph: Graph, to path: String, _ options: Options = Options()) throws -> Report {
    let document = try document(graph, options)
    let inlineBytes = document.graph.initializers.reduce(0) { $0 + $1.tensor.byteCount }
    let isExternal = options.usesExternalData || inlineBytes > Self.maxFileBytes
    let externalPath = isExternal ? path + ".data" : nil
    let ranges = externalPath.map { externalRanges(document, fileName: lastPart(of: $0)) } ?? [:]
    let pieces = document.encoded(producer: ("evssm", ""), external: ranges)
    if let externalPath { try writeExternal(document, ranges, to: externalPath) }
    let file = try OutputFile(path)
    for piece in pieces { try write(piece, to: file) }
    try file.commit()
    return Report(
      nodes: document.graph.nodes.count, initializers: document.graph.initializers.count,
      byteCount: pieces.reduce(0) { $0 + $1.count }, externalPath: externalPath)
  }

  /// Protobuf messages end at 2 GiB; some room is left for all that is not weights.
  private static let maxFileBytes = (1 << 31) - (1 << 26)
  /// Smaller tensors stay in the model: shape inference reads them.
  private static let minExternalBytes = 1024
  /// Tensors in the second file begin at multiples of this many bytes.
  private static let externalAlignment = 64

  private static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  private static func externalRanges(_ document: OnnxDocument, fileName: String) -> [String: ExternalRange] {
    var ranges: [String: ExternalRange] = [:]
    var offset = 0
    for value in document.graph.initializers where value.tensor.byteCount >= minExternalBytes {
      ranges[value.name] = ExternalRange(fileName: fileName, offset: offset)
      offset += (value.tensor.byteCount + externalAlignment - 1) / externalAlignment * externalAlignment
    }
    return ranges
  }

  private static func writeExternal(
    _ document: OnnxDocument, _ ranges: [String: ExternalRange], to path: String
  ) throws {
    let file = try OutputFile(path)
    for value in document.graph.initializers where ranges[value.name] != nil {
      try write(.tensor(value.tensor), to: file)
      let rest = value.tensor.byteCount % externalAlignment
      if rest > 0 { try file.write([UInt8](repeating: 0, count: externalAlignment - rest)) }
    }
    try file.commit()
  }

  private static func write(_ piece: FilePiece, to file: borrowing OutputFile) throws {
    switch piece {
    case .bytes(let bytes): try file.write(bytes)
    case .tensor(let tensor): try tensor.withUnsafeBytes { try file.write($0) }
    }
  }
}

extension OnnxWriter {
  /// The name of the model's output.
  static let outputName = "restored"

  static func document(_ graph: Graph, _ options: Options) throws -> OnnxDocument {
    guard opsets.contains(options.opset) else {
      throw EVSSMError(
        "onnx.opset",
        "Operator set \(options.opset) cannot be written; choose one from \(opsets.lowerBound) to "
          + "\(opsets.upperBound).", category: .usage)
    }
    try Verifier.check(graph, after: "loading into the ONNX writer")
    guard graph.inputs.count == 1, graph.outputs.count == 1 else {
      throw EVSSMError("onnx.graph", "Only graphs of one picture and one result are written to ONNX.", category: .usage)
    }
    let input = graph[graph.inputs[0]]
    var emitter = OnnxEmitter(opset: options.opset, scanForm: options.scanForm, sizes: options.sizes)
    let name = emitter.unique(input.name)
    let result = try emitter.emit(graph, inputs: [name])[0]
    func value(_ name: String, _ type: ValueType) throws -> OnnxValue {
      OnnxValue(name: name, dtype: .float32, shape: try type.shape.map { try dimension($0, options.sizes) })
    }
    let nodes = emitter.scope.nodes.map { $0.renaming(result, to: outputName) }
    let onnx = OnnxGraph(
      name: "evssm", nodes: nodes, initializers: emitter.initializers, inputs: [try value(name, input.type)],
      outputs: [try value(outputName, graph[graph.outputs[0]].type)])
    return OnnxDocument(
      opset: options.opset, graph: onnx, functions: emitter.functions, documentation: options.documentation)
  }

  private static func dimension(_ size: Dimension, _ sizes: SymbolSizes) throws -> OnnxDimension {
    size.symbols.isSubset(of: sizes.keys) ? .known(try size.bound(sizes)) : .symbol(size.description)
  }
}

extension OnnxNode {
  fileprivate func renaming(_ old: String, to new: String) -> OnnxNode {
    var node = self
    node.inputs = inputs.map { $0 == old ? new : $0 }
    node.outputs = outputs.map { $0 == old ? new : $0 }
    return node
  }
}
