import Tensors

// The parts of an ONNX file that the writer fills in, as values. Names and meanings are those of the Open Neural Network
// Exchange's intermediate representation (docs/IR.md of the onnx project).

/// A named tensor.
struct OnnxTensor: Sendable {
  var name: String
  /// Float32 or int64.
  var tensor: Tensor
}

enum OnnxAttribute: Sendable {
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case graph(OnnxGraph)
}

struct OnnxNode: Sendable {
  var op: String
  var domain = ""
  var name: String
  var inputs: [String]
  var outputs: [String]
  /// In the order in which they are written.
  var attributes: [(name: String, value: OnnxAttribute)] = []
}

/// The size of an axis: known, a named one, or one about which nothing is said.
enum OnnxDimension: Sendable, Hashable {
  case known(Int)
  case symbol(String)
}

/// The name and type of an input or output.
struct OnnxValue: Sendable, Hashable {
  var name: String
  var dtype: DType
  /// Nil when nothing is said about the shape.
  var shape: [OnnxDimension]?
}

struct OnnxGraph: Sendable {
  var name: String
  var nodes: [OnnxNode] = []
  var initializers: [OnnxTensor] = []
  var inputs: [OnnxValue] = []
  var outputs: [OnnxValue] = []
}

/// A model-local function: its body takes the place of a node of its domain and name.
struct OnnxFunction: Sendable {
  var domain: String
  var name: String
  var inputs: [String]
  var outputs: [String]
  var nodes: [OnnxNode]
  var documentation: String
}

struct OnnxDocument: Sendable {
  var opset: Int
  var graph: OnnxGraph
  var functions: [OnnxFunction] = []
  var documentation = ""

  /// The oldest version of the file format that has the opset's types and model-local functions.
  ///
  /// Versions of the format and of the operators that appeared together: table of docs/Versioning.md of the onnx project.
  static func formatVersion(opset: Int) -> Int {
    let firsts = [(28, 14), (25, 13), (24, 12), (23, 11), (21, 10), (19, 9)]
    return firsts.first { opset >= $0.0 }?.1 ?? 8
  }
}
