import COnnxProto
import Foundation
import PrimitiveOperators
import Tensors

/// What a model says of itself outside its graph, checked.
struct ModelProperties {
  /// Versions of the operator sets, by domain.
  let opsets: [String: Int]
  let graph: GraphMessage

  /// The oldest and newest version of the file format that are read.
  private static let formatVersions: ClosedRange<Int64> = 3...14

  /// Throws `onnx.no-graph`, `onnx.format-version`, `onnx.opset`, `limit.exceeded`.
  init(_ model: OnnxModel) throws {
    let message = model.message.pointee
    guard let graph = message.graph else {
      throw EVSSMError("onnx.no-graph", "The model has no graph. The file is damaged or is no ONNX model.")
    }
    guard message.has_ir_version != 0, Self.formatVersions.contains(message.ir_version) else {
      let version = message.has_ir_version != 0 ? "\(message.ir_version)" : "none"
      throw EVSSMError(
        "onnx.format-version", "The version of the file format is \(version); 3 to 14 are read. Export it again.")
    }
    self.graph = UnsafePointer(graph)
    opsets = try Self.opsets(messages(message.opset_import, message.n_opset_import))
    guard opsets[""] != nil || opsets.isEmpty == false else {
      throw EVSSMError("onnx.opset", "The model does not say which operator set it uses. Export it again.")
    }
    try Self.checkTexts(model)
  }

  /// Versions by domain. Throws `onnx.opset`.
  static func opsets(_ imports: [OperatorSetMessage]) throws -> [String: Int] {
    var opsets: [String: Int] = [:]
    for entry in imports {
      let domain = normalisedDomain(text(entry.pointee.domain))
      let version = Int(entry.pointee.version)
      let name = domain.isEmpty ? "ai.onnx" : EVSSMError.escaped(domain)
      guard entry.pointee.has_version != 0, version >= 1 else {
        throw EVSSMError("onnx.opset", "The version of operator set \(name) is missing or not positive.")
      }
      guard opsets.updateValue(version, forKey: domain) == nil else {
        throw EVSSMError("onnx.opset", "The version of operator set \(name) is stated twice.")
      }
      guard domain.isEmpty else { continue }
      let range = PrimitiveRegistry.oldestOpset...PrimitiveRegistry.newestOpset
      guard range.contains(version) else {
        throw EVSSMError(
          "onnx.opset",
          "Operator set \(version) is not read; \(range.lowerBound) to \(range.upperBound) are. "
            + "Export the model with one of these, or convert it with onnx.version_converter.")
      }
    }
    return opsets
  }

  /// Bounds what a model carries besides its graph.
  private static func checkTexts(_ model: OnnxModel) throws {
    var bytes = 0
    for entry in messages(model.message.pointee.metadata_props, model.message.pointee.n_metadata_props) {
      bytes += entry.pointee.key.map { strlen($0) } ?? 0
      bytes += entry.pointee.value.map { strlen($0) } ?? 0
    }
    bytes += model.message.pointee.doc_string.map { strlen($0) } ?? 0
    try Limits.check(
      bytes, atMost: Limits.maxOnnxMetadataBytes, name: "max_onnx_metadata", "The size of the model's metadata in bytes"
    )
  }
}
