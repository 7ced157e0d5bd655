import ProtobufWire
import Tensors

extension Limits {
  /// Messages inside messages of an ONNX file.
  public static let maxOnnxDepth = 64
  /// Sub-messages of an ONNX file.
  public static let maxOnnxMessages = 2_000_000
  /// Nodes of a model with its sub-graphs, functions inlined.
  public static let maxOnnxNodes = 1_000_000
  /// Elements of a list attribute.
  public static let maxOnnxAttributeElements = 1_000_000
  /// Axes of a tensor in an ONNX file.
  public static let maxOnnxRank = 16

  /// Bounds on an ONNX file of `fileBytes`: what it unpacks to is at most twice the file plus 64 MiB.
  static func onnxWire(fileBytes: Int) -> WireLimits {
    let (doubled, over) = fileBytes.multipliedReportingOverflow(by: 2)
    return WireLimits(
      depth: maxOnnxDepth, messages: maxOnnxMessages, unpackedBytes: over ? Int.max >> 1 : doubled + (64 << 20))
  }
}
