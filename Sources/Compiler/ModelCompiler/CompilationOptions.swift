import EVSSMModel
import ExecutionPlan
import Tensors

/// How a model is compiled.
public struct CompilationOptions: Sendable, Hashable {
  /// How the scan stages of a checkpoint cut a map; an ONNX model has its windows in its graph.
  public var windows: WindowMode
  /// What matrices and convolutions compute in.
  public var precision: Precision
  /// Whether EVSSM is looked for in an ONNX graph; otherwise it runs node by node.
  public var raises: Bool
  /// Whether an ONNX model's external data is read through links.
  public var followsLinks: Bool

  public init(
    windows: WindowMode = .released, precision: Precision = .float32, raises: Bool = true, followsLinks: Bool = false
  ) {
    self.windows = windows
    self.precision = precision
    self.raises = raises
    self.followsLinks = followsLinks
  }
}
