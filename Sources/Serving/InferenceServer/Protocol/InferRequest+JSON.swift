import JSON
import Tensors

extension InferRequest {
  /// Reads the body of a REST request.
  ///
  /// - Parameters:
  ///   - headerLength: bytes of the JSON before binary tensors, as the `Inference-Header-Content-Length` header
  ///     says; nil when all of the body is JSON.
  /// - Throws: `invalid`, `tooLarge`.
  /// - Complexity: O(body).
  package init(body: UnsafeRawBufferPointer, headerLength: Int?) throws {
    let jsonCount = headerLength ?? body.count
    guard jsonCount != 0 else {
      throw ServingError(
        .invalid,
        headerLength == nil
          ? "The body is empty."
          : "Inference-Header-Content-Length is 0: a raw tensor does not say its picture's size. Send the JSON part.")
    }
    guard jsonCount <= body.count else {
      throw ServingError(
        .invalid, "Inference-Header-Content-Length is \(jsonCount); the body has \(body.count) bytes.")
    }
    let document = try JSONValue.read(
      UnsafeRawBufferPointer(rebasing: body[..<jsonCount]), limits: Self.jsonLimits, floatsKey: "data",
      wording: Self.malformed)
    let fields = try JSONFields(document, "The request")
    let input = try Self.onlyInput(fields)
    let binary = UnsafeRawBufferPointer(rebasing: body[jsonCount...])
    shape = try input.integers("shape")
    (height, width) = try TensorRules.size(shape)
    try TensorRules.check(name: input.string("name"), datatype: input.string("datatype"))
    planes = try Self.planes(input, binary, height: height, width: width)
    id = try fields.optionalString("id")
    if let id { try TensorRules.checkID(id) }
    let options = try JSONFields(optional: fields["parameters"], "parameters")
    parameters = try Parameters(options)
    isOutputBinary = try Self.outputBinary(fields, options)
  }

  private static let jsonLimits = JSONLimits(maxDepth: 64, maxValueCount: 20_000, maxNumberLength: 512)

  private static func malformed(_ failure: JSONFailure) -> ServingError {
    switch failure.reason {
    case .expected(let what):
      ServingError(.invalid, "The JSON is malformed at byte \(failure.position): expected \(what).")
    case .limit(let excess):
      ServingError(.invalid, "The JSON is malformed at byte \(failure.position): \(excess).")
    }
  }

  private static func onlyInput(_ fields: JSONFields) throws -> JSONFields {
    guard case .array(let inputs) = fields["inputs"] else {
      throw ServingError(.invalid, "inputs must be an array.")
    }
    guard inputs.count == 1, let input = inputs.first else {
      throw ServingError(.invalid, "There are \(inputs.count) inputs; the model has one, \(ServedModel.inputName).")
    }
    return try JSONFields(input, "The input")
  }

  private static func planes(
    _ input: JSONFields, _ binary: UnsafeRawBufferPointer, height: Int, width: Int
  ) throws -> [Float] {
    let options = try JSONFields(optional: input["parameters"], "parameters")
    let size = try options.optionalInteger("binary_data_size")
    switch (input["data"], size) {
    case (nil, nil):
      throw ServingError(.invalid, "The input has neither data nor binary_data_size.")
    case (.some, .some):
      throw ServingError(.invalid, "The input has both data and binary_data_size.")
    case (.some(let data), nil):
      guard case .floats(let values) = data else {
        throw ServingError(.invalid, "data must be an array of numbers.")
      }
      guard binary.isEmpty else { throw ServingError(.invalid, "\(binary.count) bytes follow the JSON.") }
      try TensorRules.checkCount(values.count, height: height, width: width)
      return values
    case (nil, .some(let size)):
      guard size == binary.count else {
        throw ServingError(.invalid, "binary_data_size is \(size); \(binary.count) bytes follow the JSON.")
      }
      guard size == 12 * height * width else {
        throw ServingError(.invalid, "The input has \(size) bytes; its shape asks for \(12 * height * width).")
      }
      return [Float](littleEndian: binary)
    }
  }

  private static func outputBinary(_ fields: JSONFields, _ options: JSONFields) throws -> Bool {
    let general = try options.optionalBool("binary_data_output") ?? false
    guard let node = fields["outputs"] else { return general }
    guard case .array(let outputs) = node, outputs.count <= 1 else {
      throw ServingError(.invalid, "outputs must be an array of at most one output, \(ServedModel.outputName).")
    }
    guard let first = outputs.first else { return general }
    let output = try JSONFields(first, "The output")
    try TensorRules.checkOutput(output.string("name"))
    let own = try JSONFields(optional: output["parameters"], "parameters")
    if try own.optionalInteger("classification") ?? 0 != 0 {
      throw ServingError(.invalid, "The model does not classify: leave classification out.")
    }
    return try own.optionalBool("binary_data") ?? general
  }
}

extension InferRequest.Parameters {
  init(_ fields: JSONFields) throws {
    for name in ["sequence_id", "sequence_start", "sequence_end"] where fields[name] != nil {
      throw ServingError(.invalid, "The model keeps no state: leave \(name) out.")
    }
    priority = try fields.optionalUnsigned("priority") ?? 0
    timeout = try fields.optionalUnsigned("timeout") ?? 0
    for member in fields.members {
      switch member.value {
      case .string, .integer, .unsigned, .number, .bool: continue
      default: throw ServingError(.invalid, "A parameter must be a string, a number or a boolean.")
      }
    }
  }
}

/// Members of an object, asked for by type. Members that nobody asks for are left alone: clients send more than the
/// protocol has.
struct JSONFields {
  let members: [JSONValue.Member]
  private let what: String

  init(_ node: JSONValue, _ what: String) throws {
    guard case .object(let members) = node else { throw ServingError(.invalid, "\(what) must be an object.") }
    self.members = members
    self.what = what
  }

  init(optional node: JSONValue?, _ what: String) throws { try self.init(node ?? .object([]), what) }

  subscript(key: String) -> JSONValue? { members.first { $0.name == key }?.value }

  private func wrong(_ key: String, _ type: String) -> ServingError {
    ServingError(.invalid, "\(what): \(key) must be \(type).")
  }

  func string(_ key: String) throws -> String {
    guard case .string(let text) = self[key] else { throw wrong(key, "a string") }
    return text
  }

  func optionalString(_ key: String) throws -> String? { self[key] == nil ? nil : try string(key) }

  func optionalBool(_ key: String) throws -> Bool? {
    guard let node = self[key] else { return nil }
    guard case .bool(let value) = node else { throw wrong(key, "true or false") }
    return value
  }

  func optionalInteger(_ key: String) throws -> Int? {
    guard let node = self[key] else { return nil }
    guard case .integer(let value) = node, value >= 0 else { throw wrong(key, "an integer of 0 or more") }
    return value
  }

  func optionalUnsigned(_ key: String) throws -> UInt64? {
    guard let node = self[key] else { return nil }
    switch node {
    case .integer(let value) where value >= 0: return UInt64(value)
    case .unsigned(let value): return value
    default: throw wrong(key, "an integer of 0 or more")
    }
  }

  func integers(_ key: String) throws -> [Int] {
    guard case .array(let nodes) = self[key], nodes.count <= 64 else { throw wrong(key, "an array of a few integers") }
    return try nodes.map {
      guard case .integer(let value) = $0 else { throw wrong(key, "an array of a few integers") }
      return value
    }
  }
}
