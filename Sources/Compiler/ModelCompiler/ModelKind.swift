import Checkpoints
import ExecutionPlan
import OnnxFormat
import Tensors

/// What a model file is, by its content.
package enum ModelKind {
  case plan
  case checkpoint(any CheckpointFormat)
  case onnx
  /// None of the formats that are read.
  case unknown

  /// Looks at the first bytes of the file at `path`. Throws `file.…`.
  package init(path: String) throws {
    let prefix = try InputFile(path).prefix(max(CheckpointFormats.sniffedByteCount, OnnxModel.sniffedByteCount))
    if PlanFile.canRead(prefix: prefix) {
      self = .plan
    } else if let format = CheckpointFormats.format(prefix: prefix) {
      self = .checkpoint(format)
    } else if OnnxModel.canRead(prefix: prefix) || Paths.fileExtension(path) == "onnx" {
      // ONNX has no mark of its own: the name decides where the first bytes do not.
      self = .onnx
    } else {
      self = .unknown
    }
  }

  package var isOnnx: Bool { if case .onnx = self { true } else { false } }
}

extension Checkpoint {
  /// Reads the tensors of a checkpoint, or the initializers of an ONNX model.
  ///
  /// - Parameters:
  ///   - key: the keys that hold the state dict of a PyTorch checkpoint, joined by dots; nil to find it.
  ///   - followsLinks: whether an ONNX model's external data is read through links.
  /// - Throws: errors of the formats, `checkpoint.plan` for a plan, `checkpoint.key` when the format knows no keys.
  package static func read(model path: String, key: String?, followsLinks: Bool = false) throws -> Checkpoint {
    switch try ModelKind(path: path) {
    case .plan:
      throw EVSSMError(
        "checkpoint.plan",
        "This is a plan, which no longer holds the checkpoint's tensors. Give the checkpoint itself.",
        place: .init(file: path))
    case .checkpoint(let format): return try format.read(path: path, key: key)
    case .onnx:
      try refuse(key: key, path: path, "An ONNX model")
      let catalogue = try OnnxModel(path: path).initializers(.init(followsLinks: followsLinks))
      return Checkpoint(
        path: path, container: "onnx", title: "ONNX, the initializers of the graph", catalogue: catalogue)
    case .unknown: return try CheckpointFormats.refusing.read(path: path, key: key)
    }
  }
}
