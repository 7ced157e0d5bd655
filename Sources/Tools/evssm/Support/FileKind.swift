import ExecutionPlan
import OnnxFormat
import SafetensorsFormat
import Tensors
import TorchFormat

/// What a model file is, by its content.
enum FileKind {
  case plan, safetensors, torch, onnx
  /// None of the formats that are read.
  case unknown

  /// Looks at the first bytes of the file at `path`. Throws `file.…`.
  init(path: String) throws {
    let prefix = try InputFile(path).prefix(max(TorchCheckpoint.sniffedByteCount, OnnxModel.sniffedByteCount))
    if PlanFile.canRead(prefix: prefix) {
      self = .plan
    } else if TorchCheckpoint.canRead(prefix: prefix) {
      self = .torch
    } else if SafetensorsFile.canRead(prefix: prefix) {
      self = .safetensors
    } else if OnnxModel.canRead(prefix: prefix) || OutputPath.fileExtension(path) == "onnx" {
      // ONNX has no mark of its own: the name decides where the first bytes do not.
      self = .onnx
    } else {
      self = .unknown
    }
  }
}
