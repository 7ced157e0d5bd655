import COnnxProto
import PrimitiveOperators
import Tensors

/// The attributes of a node, with references to those of a function's call resolved.
struct NodeAttributes {
  /// By name; of a function's call, what stands for the name inside.
  typealias Bindings = [String: AttributeMessage]

  private(set) var named: Bindings = [:]

  /// Throws `onnx.attribute` for duplicates, references outside functions, types that are not stated or not what is
  /// there.
  ///
  /// - Parameter bindings: the attributes of the function's call around the node; nil outside functions.
  init(_ node: OnnxNode, bindings: Bindings?) throws {
    for message in node.attributes {
      let name = text(message.pointee.name)
      guard !name.isEmpty else { throw Self.error("has no name", name) }
      let reference = text(message.pointee.ref_attr_name)
      var target = message
      if !reference.isEmpty {
        guard let bindings else { throw Self.error("refers to the attribute of a function, and there is none", name) }
        guard let bound = bindings[reference] else { continue }
        target = bound
      }
      try Self.check(target, name)
      guard named.updateValue(target, forKey: name) == nil else { throw Self.error("is there twice", name) }
    }
  }

  static func error(_ what: String, _ name: String) -> EVSSMError {
    EVSSMError("onnx.attribute", "The attribute \(EVSSMError.escaped(name)) \(what).")
  }

  /// The stated type must be that of the only field that is there.
  private static func check(_ message: AttributeMessage, _ name: String) throws {
    let a = message.pointee
    let present: [(type: Int32, isThere: Bool)] = [
      (1, a.has_f != 0), (2, a.has_i != 0), (3, a.has_s != 0), (4, a.t != nil), (5, a.g != nil), (6, a.n_floats > 0),
      (7, a.n_ints > 0), (8, a.n_strings > 0), (9, a.n_tensors > 0), (10, a.n_graphs > 0), (11, a.sparse_tensor != nil),
      (12, a.n_sparse_tensors > 0), (13, a.tp != nil), (14, a.n_type_protos > 0),
    ]
    guard a.has_type != 0, (1...14).contains(a.type) else { throw error("does not say its type", name) }
    let isList = [6, 7, 8, 9, 10, 12, 14].contains(a.type)
    for field in present where field.isThere != (field.type == a.type) {
      // An empty list leaves no trace in the file; scalars that are zero may be left out too.
      if field.type == a.type, isList || (1...3).contains(a.type) { continue }
      throw error("holds another type than it says", name)
    }
    let count = max(a.n_floats, a.n_ints, a.n_strings)
    try Limits.check(
      count, atMost: Limits.maxOnnxAttributeElements, name: "max_onnx_attribute_elements",
      "The number of elements of an attribute")
  }

  subscript(name: String) -> AttributeMessage? { named[name] }

  /// The graph of this name. Throws `onnx.attribute` when it is missing.
  func graph(_ name: String) throws -> GraphMessage {
    guard let graph = named[name]?.pointee.g else { throw Self.error("is missing: a graph", name) }
    return UnsafePointer(graph)
  }

  /// All attributes but graphs, as a primitive takes them. Throws `onnx.attribute` for kinds that none takes.
  func values(_ decoder: TensorDecoder) throws -> [String: AttributeValue] {
    var values: [String: AttributeValue] = [:]
    for (name, message) in named where message.pointee.type != 5 {
      values[name] = try Self.value(message, name, decoder)
    }
    return values
  }

  private static func value(_ message: AttributeMessage, _ name: String, _ decoder: TensorDecoder) throws
    -> AttributeValue
  {
    let a = message.pointee
    switch a.type {
    case 1: return .float(a.f)
    case 2: return .int(Int(a.i))
    case 3: return .string(try string(a.s, name))
    case 4:
      guard let tensor = a.t else { throw error("is missing: a tensor", name) }
      return .tensor(AttributeTensor(try decoder.tensor(UnsafePointer(tensor))))
    case 6: return .floats(Array(numbers(a.floats, a.n_floats)))
    case 7: return .ints(numbers(a.ints, a.n_ints).map { Int($0) })
    case 8: return .strings(try UnsafeBufferPointer(start: a.strings, count: a.n_strings).map { try string($0, name) })
    default: throw error("is of a kind that is not supported", name)
    }
  }

  static func string(_ bytes: ProtobufCBinaryData, _ name: String) throws -> String {
    let buffer = UnsafeBufferPointer(start: bytes.data, count: bytes.data == nil ? 0 : bytes.len)
    guard let text = String(validating: buffer, as: UTF8.self), !text.utf8.contains(0) else {
      throw error("is no text in UTF-8", name)
    }
    return text
  }
}
