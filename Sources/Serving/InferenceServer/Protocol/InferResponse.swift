import JSON

/// The answer to an inference request.
package struct InferResponse: Sendable {
  package var modelName: String
  package var modelVersion: Int
  package var id: String?
  package var shape: [Int]
  package var planes: [Float]

  /// The REST body, and the bytes of its JSON when bytes of the tensor follow.
  ///
  /// Throws `internal` for values that JSON cannot express.
  package func body(isBinary: Bool) throws -> (bytes: [UInt8], headerLength: Int?) {
    var output: [JSONValue.Member] = [
      ("name", .string(ServedModel.outputName)), ("datatype", .string(ServedModel.datatype)),
      ("shape", .array(shape.map(JSONValue.integer))),
    ]
    if isBinary {
      output.append(("parameters", ["binary_data_size": .integer(4 * planes.count)]))
    } else {
      guard planes.allSatisfy(\.isFinite) else {
        throw ServingError(.invalid, "The result has values that JSON cannot express; ask for binary output.")
      }
      output.append(("data", .floats(planes)))
    }
    var fields: [JSONValue.Member] = [
      ("model_name", .string(modelName)), ("model_version", .string(String(modelVersion))),
    ]
    if let id { fields.append(("id", .string(id))) }
    fields.append(("outputs", [.object(output)]))
    var bytes = JSONValue.object(fields).bytes()
    guard isBinary else { return (bytes, nil) }
    let headerLength = bytes.count
    planes.withUnsafeBytes { bytes.append(contentsOf: $0) }
    return (bytes, headerLength)
  }
}
