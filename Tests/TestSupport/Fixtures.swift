import Foundation
import Tensors

/// Files under Tests/Fixtures.
package enum Fixtures {
  package static let directory = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

  package static func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

  /// An array in NumPy's format (version 1, little-endian, C order) of float32 or uint8.
  package static func array(_ name: String) throws -> Tensor {
    let bytes = [UInt8](try Data(contentsOf: directory.appendingPathComponent(name)))
    let headerBytes = Int(bytes[8]) + Int(bytes[9]) << 8
    let header = String(decoding: bytes[10..<10 + headerBytes], as: UTF8.self)
    let dtype: DType = header.contains("<f4") ? .float32 : .uint8
    let tuple = header.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" }
    let shape = tuple.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    return try Tensor(dtype: dtype, shape: shape) { $0.copyBytes(from: bytes[(10 + headerBytes)...]) }
  }
}
