import OnnxFormat
import Tensors
import TestSupport
import Testing

/// What every reading of a hostile model must keep to.
enum OnnxContract {
  /// Reads and imports `bytes` as a file in a folder of its own, where nothing may appear, on a thread with a stack of
  /// 512 KiB.
  static func imported(_ bytes: [UInt8], beside files: [String: [UInt8]] = [:]) throws -> ImportedGraph {
    let folder = try TemporaryDirectory()
    let path = try folder.file("model.onnx", bytes)
    for (name, content) in files { _ = try folder.file(name, content) }
    defer { #expect((try? folder.contents()) == (["model.onnx"] + files.keys).sorted()) }
    return try onSmallStack { try OnnxModel(path: path).imported() }
  }

  /// Expects a typed error with `code`, the file's path, and the limit's name if one is given.
  static func expectRefusal(
    _ id: String, _ bytes: [UInt8], _ code: String, limit: String? = nil, beside files: [String: [UInt8]] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    TestSupport.expectRefusal(id, code, limit: limit, sourceLocation: sourceLocation) {
      do { _ = try imported(bytes, beside: files) } catch let error as EVSSMError {
        #expect(error.place.file?.isEmpty == false, "\(id)", sourceLocation: sourceLocation)
        #expect(error.category == .badInput, "\(id): \(error)", sourceLocation: sourceLocation)
        #expect(
          !error.description.unicodeScalars.contains { $0.value < 0x20 }, "\(id)", sourceLocation: sourceLocation)
        throw error
      }
    }
  }
}

/// An entry of the catalogue of hostile inputs that must be refused.
struct OnnxCase: Sendable, CustomTestStringConvertible {
  let id: String
  let code: String
  let limit: String?
  let files: [String: [UInt8]]
  let make: @Sendable () -> [UInt8]

  init(
    _ id: String, _ code: String, limit: String? = nil, beside files: [String: [UInt8]] = [:],
    _ make: @escaping @Sendable () -> [UInt8]
  ) {
    self.id = id
    self.code = code
    self.limit = limit
    self.files = files
    self.make = make
  }

  var testDescription: String { id }
  func check() { OnnxContract.expectRefusal(id, make(), code, limit: limit, beside: files) }
}
