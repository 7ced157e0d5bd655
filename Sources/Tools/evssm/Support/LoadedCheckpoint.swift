import OnnxFormat
import SafetensorsFormat
import Tensors
import TorchFormat

/// The tensors of a checkpoint in any of the formats that are read, and what reading found.
struct LoadedCheckpoint {
  let path: String
  /// `zip`, `legacy`, `safetensors` or `onnx`.
  let container: String
  /// The keys that led to the state dict; nil for formats that have none.
  let wrapper: String?
  let strippedPrefix: String?
  /// Keys of the file that were passed over.
  let skipped: [String]
  let catalogue: TensorCatalogue

  /// Reads the file at `path`, whose content says its format.
  ///
  /// - Parameter key: the key of the state dict in a PyTorch checkpoint.
  /// - Throws: errors of the formats, `checkpoint.plan` for a plan, `checkpoint.key` when the format knows no keys.
  static func read(path: String, key: String? = nil, onnx settings: OnnxSettings = OnnxSettings()) throws
    -> LoadedCheckpoint
  {
    switch try FileKind(path: path) {
    case .plan:
      throw EVSSMError(
        "checkpoint.plan",
        "This is a plan, which no longer holds the checkpoint's tensors. Give the checkpoint itself.",
        place: .init(file: path))
    case .safetensors: return try safetensors(path, key: key)
    case .onnx: return try onnx(path, key: key, settings)
    case .torch, .unknown: return try torch(path, key: key)
    }
  }

  private static func safetensors(_ path: String, key: String?) throws -> LoadedCheckpoint {
    if key != nil {
      throw EVSSMError(
        "checkpoint.key", "A safetensors file has no keys around its tensors. Leave the option out.", category: .usage,
        place: .init(file: path, option: "--key"))
    }
    let file = try SafetensorsFile.read(path: path)
    return LoadedCheckpoint(
      path: path, container: "safetensors", wrapper: nil, strippedPrefix: nil, skipped: [], catalogue: file.catalogue)
  }

  /// The initializers of an ONNX model.
  private static func onnx(_ path: String, key: String?, _ settings: OnnxSettings) throws -> LoadedCheckpoint {
    if key != nil {
      throw EVSSMError(
        "checkpoint.key", "An ONNX model has no keys around its tensors. Leave the option out.", category: .usage,
        place: .init(file: path, option: "--key"))
    }
    let catalogue = try OnnxModel(path: path).initializers(settings.importOptions)
    return LoadedCheckpoint(
      path: path, container: "onnx", wrapper: nil, strippedPrefix: nil, skipped: [], catalogue: catalogue)
  }

  private static func torch(_ path: String, key: String?) throws -> LoadedCheckpoint {
    let checkpoint = try TorchCheckpoint.read(path: path, key: key)
    let report = checkpoint.report
    return LoadedCheckpoint(
      path: path, container: report.container, wrapper: report.wrapper, strippedPrefix: report.strippedPrefix,
      skipped: report.skipped, catalogue: checkpoint.catalogue)
  }

  /// The one type of all tensors, or `mixed`; nil without tensors.
  var dtypeName: String? {
    let types = Set(catalogue.names.compactMap { catalogue[$0]?.dtype })
    return types.count > 1 ? "mixed" : types.first?.rawValue
  }

  /// Elements of all tensors.
  var elementCount: Int { catalogue.names.reduce(0) { $0 &+ (catalogue[$1]?.elementCount ?? 0) } }

  /// One line: the container and what was used of it.
  var summary: String {
    if container == "onnx" { return "ONNX, the initializers of the graph" }
    var parts = [container == "safetensors" ? "safetensors" : "PyTorch, \(container) container"]
    if let wrapper { parts.append(wrapper == "bare" ? "bare state dict" : "state dict under \(wrapper)") }
    if let strippedPrefix { parts.append("prefix \(strippedPrefix) stripped") }
    return parts.joined(separator: ", ")
  }
}
