import Tensors
import TestSupport
import Testing

@testable import SafetensorsFormat

/// The bytes of a safetensors file with any header and any length field.
func safetensors(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  safetensors(Array(header.utf8), data: data, length: length)
}

func safetensors(_ header: [UInt8], data: Int = 0, length: UInt64? = nil) -> [UInt8] {
  let field = withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Array($0) }
  return field + header + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
}

/// One member of a header: by default a float32 vector of four elements.
func entry(_ name: String = "a", dtype: String = "F32", shape: String = "[4]", offsets: String = "[0,16]") -> String {
  "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
}

/// A whole file of one tensor described by `member`.
func file(_ member: String, data: Int = 16) -> [UInt8] { safetensors("{\(member)}", data: data) }

/// Reads `bytes` from a file on a thread with a small stack.
func read(_ bytes: [UInt8]) throws -> SafetensorsFile {
  let directory = try TemporaryDirectory()
  let path = try directory.file("model.safetensors", bytes)
  return try onSmallStack { try SafetensorsFile.read(path: path) }
}

/// Expects the reader to refuse `bytes`; `id` is the entry of the catalogue of hostile inputs.
func refuse(
  _ id: String, _ bytes: [UInt8], _ code: String, limit: String? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectRefusal(id, code, limit: limit, sourceLocation: sourceLocation) { _ = try read(bytes) }
}
