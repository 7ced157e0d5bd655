import ProtobufWire
import Tensors

extension Limits {
  /// Messages inside messages of an ONNX file.
  package static let maxOnnxDepth = 64
  /// Sub-messages of an ONNX file.
  package static let maxOnnxMessages = 2_000_000
  /// Nodes of a model with its sub-graphs, functions inlined.
  package static let maxOnnxNodes = 1_000_000
  /// Functions that call functions, and so on.
  package static let maxOnnxFunctionDepth = 32
  /// Bytes of the documentation and metadata entries of a model.
  package static let maxOnnxMetadataBytes = 16 << 20
  /// Bytes that a model's tensors may take beyond twice its files, such as sparse ones written out.
  package static let maxOnnxExpandedBytes = 16 << 20
  /// Elements of a list attribute.
  package static let maxOnnxAttributeElements = 1_000_000
  /// Axes of a tensor in an ONNX file.
  package static let maxOnnxRank = 16

  /// Bounds on an ONNX file of `fileBytes`, which is in memory while it is unpacked: together at most twice the file
  /// plus 56 MiB.
  static func onnxWire(fileBytes: Int) -> WireLimits {
    WireLimits(depth: maxOnnxDepth, messages: maxOnnxMessages, unpackedBytes: fileBytes + (56 << 20))
  }

  /// The most nodes that a model of `count` nodes may have once its functions are inlined.
  static func maxInlinedNodes(written count: Int) -> Int { min(maxOnnxNodes, 65_536 + 16 * count) }
}
