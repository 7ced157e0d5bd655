import JSON
import OnnxFormat
import Tensors

/// An ONNX model's container, graph and tensors.
struct OnnxInspection: Inspection {
  private let path: String
  private let byteCount: Int
  private let summary: OnnxSummary
  /// What importing noted; nil when it failed.
  private let notes: [String]
  private let failure: EVSSMError?

  /// What keeps a sound model from running here, which inspection tells and does not fail for.
  private static let told: [EVSSMError.Code] = [
    "onnx.unsupported-operator", "onnx.external-missing", "onnx.external-link",
  ]

  /// Throws what ``OnnxModel``, its summary and its import throw, but for what is no fault of the file.
  init(path: String, _ options: OnnxModel.ImportOptions) throws {
    let model = try OnnxModel(path: path)
    self.path = path
    byteCount = model.byteCount
    summary = try model.summary()
    do {
      notes = try model.imported(options).notes
      failure = nil
    } catch let error as EVSSMError where Self.told.contains(error.code) {
      notes = []
      failure = error
    }
  }

  private var files: [String] {
    var seen: Set<String> = []
    return summary.initializers.compactMap(\.file).filter { seen.insert($0).inserted }
  }

  var json: JSONValue {
    .object([
      ("kind", "onnx"),
      ("format_version", .integer(summary.formatVersion)),
      ("producer", .string(summary.producer)),
      ("opsets", .object(summary.opsets.map { ($0.domain, .integer($0.version)) })),
      ("metadata", .object(summary.metadata.map { ($0.key, .string($0.value)) })),
      ("file_bytes", .integer(byteCount)),
      ("external_files", JSONValue(files)),
      ("inputs", .array(summary.inputs.map(value))),
      ("outputs", .array(summary.outputs.map(value))),
      ("parameters", .integer(summary.parameterCount)),
      ("nodes", .integer(summary.nodeCount)),
      ("functions", JSONValue(summary.functions)),
      ("operators", .array(summary.operators.map(operatorUse))),
      ("notes", JSONValue(notes)),
      ("error", failure.map { ["code": .string($0.code.rawValue), "message": .string($0.description)] } ?? nil),
      ("tensors", .array(summary.initializers.map(tensor))),
    ])
  }

  private func value(_ value: OnnxSummary.Value) -> JSONValue {
    ["name": .string(value.name), "type": .string(value.type)]
  }

  private func operatorUse(_ use: OnnxSummary.OperatorUse) -> JSONValue {
    ["type": .string(use.type), "count": .integer(use.count), "supported": .bool(use.isSupported)]
  }

  private func tensor(_ tensor: OnnxSummary.Initializer) -> JSONValue {
    [
      "name": .string(tensor.name), "dtype": .string(tensor.dtype), "shape": JSONValue(tensor.shape),
      "file": JSONValue(tensor.file),
    ]
  }

  var lines: [String] {
    var table = TextTable(.left, .left)
    table.append("file", "\(EVSSMError.escaped(path)), \(Format.bytes(byteCount))")
    table.append("container", "ONNX, format version \(summary.formatVersion)")
    if !summary.producer.isEmpty { table.append("producer", EVSSMError.escaped(summary.producer)) }
    for (domain, version) in summary.opsets { table.append("operators", "\(EVSSMError.escaped(domain)) \(version)") }
    for file in files { table.append("data in", EVSSMError.escaped(file)) }
    for value in summary.inputs { table.append("input", EVSSMError.escaped("\(value.name): \(value.type)")) }
    for value in summary.outputs { table.append("output", EVSSMError.escaped("\(value.name): \(value.type)")) }
    for (key, value) in summary.metadata.prefix(20) {
      table.append("metadata", EVSSMError.escaped("\(key): \(value)"))
    }
    if !summary.functions.isEmpty {
      table.append("functions", EVSSMError.escaped(summary.functions.joined(separator: ", ")))
    }
    table.append("parameters", Format.grouped(summary.parameterCount))
    table.append("nodes", Format.grouped(summary.nodeCount))
    return table.lines() + operatorLines + ["tensors  \(Format.grouped(summary.initializers.count))"] + tensorLines
      + endLines
  }

  private var operatorLines: [String] {
    var table = TextTable(.left, .right, .left)
    for use in summary.operators {
      table.append(EVSSMError.escaped(use.type), Format.grouped(use.count), use.isSupported ? "" : "not supported")
    }
    return table.lines(indent: 2)
  }

  private var tensorLines: [String] {
    var table = TextTable(.left, .left, .left)
    for tensor in summary.initializers {
      table.append(EVSSMError.escaped(tensor.name), tensor.dtype, Format.shape(tensor.shape))
    }
    return table.lines(indent: 2)
  }

  private var endLines: [String] {
    let texts = notes + (failure.map { [$0.description] } ?? [])
    return texts.isEmpty ? [] : [""] + texts
  }
}
