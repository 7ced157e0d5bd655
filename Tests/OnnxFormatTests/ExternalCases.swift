/// Entries of group O about data in other files: O42 to O46.
enum ExternalCases {
  /// y = Add(x, w), w: float32[2, 3] in `w.bin`, 24 bytes of zeros, unless changed.
  static func model(_ entries: [(String, String)]) -> [UInt8] {
    OnnxBuilder.node("Add", [TensorBuilder(external: entries)], shape: [2, 3])
  }

  private static let data: [String: [UInt8]] = ["w.bin": [UInt8](repeating: 0, count: 24)]

  private static func refused(_ id: String, _ code: String, _ entries: [(String, String)]) -> OnnxCase {
    OnnxCase(id, code, beside: data) { model(entries) }
  }

  private static func location(_ id: String, _ location: String, _ code: String = "onnx.external-location") -> OnnxCase
  {
    refused("O42 \(id)", code, [("location", location)])
  }

  static let locations: [OnnxCase] = [
    location("the folder above", "../w.bin"), location("up and down", "a/../../w.bin"),
    location("inside", "a/../w.bin"),
    location("absolute", "/etc/passwd"), location("a drive", "C:w.bin"), location("backslashes", "..\\w.bin"),
    location("empty", ""), location("the folder", "."), location("two slashes", "a//w.bin"),
    location("slash at the end", "w.bin/"),
    location("a device", "/dev/zero"), location("memory", "/proc/self/mem"),
    location("missing", "v.bin", "onnx.external-missing"),
    location("a file for a folder", "w.bin/w.bin", "onnx.external-missing"),
    refused("O42 no location", "onnx.external-entry", [("offset", "0")]),
    refused("O42 a zero byte", "protobuf.string-zero-byte", [("location", "w\0.bin")]),
  ]

  private static func entry(_ id: String, _ code: String, _ key: String, _ value: String) -> OnnxCase {
    refused(id, code, [("location", "w.bin"), (key, value)])
  }

  static let ranges: [OnnxCase] = [
    entry("O43 past the end", "onnx.external-range", "offset", "1"),
    entry("O43 far past the end", "onnx.external-range", "offset", "4000000000000000000"),
    entry("O43 negative", "onnx.external-entry", "offset", "-1"),
    entry("O43 no number", "onnx.external-entry", "offset", "x"),
    entry("O43 a plus", "onnx.external-entry", "offset", "+1"),
    entry("O43 a space", "onnx.external-entry", "offset", " 1"),
    entry("O43 2^64", "onnx.external-entry", "offset", "18446744073709551616"),
    entry("O43 near 2^63", "size.overflow", "offset", "9223372036854775800"),
    entry("O43 empty", "onnx.external-entry", "offset", ""),
    entry("O44 huge", "onnx.external-range", "length", "9000000000000000000"),
    entry("O44 negative", "onnx.external-entry", "length", "-24"),
    entry("O44 short", "onnx.external-range", "length", "23"),
    entry("O44 zero", "onnx.external-range", "length", "0"),
    entry("O45 an unknown key", "onnx.external-entry", "color", "red"),
    entry("O45 a key of Python", "onnx.external-entry", "__class__", "x"),
    entry("O45 a key twice", "onnx.external-entry", "location", "w.bin"),
    entry("O45 another digest", "onnx.external-checksum", "checksum", String(repeating: "0", count: 40)),
  ]
}
