import Tensors

extension OnnxModel {
  /// Bytes that ``canRead(prefix:)`` looks at.
  package static let sniffedByteCount = 64

  /// Whether a file begins as exporters begin an ONNX file: the version of the format, then a text or the graph. ONNX has no
  /// mark of its own, so a file that begins otherwise may be one all the same.
  package static func canRead(prefix: [UInt8]) -> Bool {
    guard prefix.count >= 3, prefix[0] == 0x08, (1...32).contains(prefix[1]) else { return false }
    // Fields 2 to 8, length-delimited.
    return [0x12, 0x1A, 0x22, 0x32, 0x3A, 0x42].contains(prefix[2])
  }

  /// Throws `onnx.not-onnx`, naming what it is, for files that are known to be something else.
  static func checkKind(_ prefix: [UInt8]) throws {
    guard let kind = kind(prefix) else { return }
    throw EVSSMError("onnx.not-onnx", "This is no ONNX model but \(kind).", place: .init(byteOffset: 0))
  }

  private static func kind(_ prefix: [UInt8]) -> String? {
    func begins(_ text: String) -> Bool { prefix.starts(with: Array(text.utf8)) }
    if prefix.isEmpty { return "an empty file" }
    if begins("PK\u{3}\u{4}") { return "a zip archive, such as a PyTorch checkpoint or a TorchScript module" }
    if begins("version https://git-lfs") {
      return "a pointer to a file in git LFS; fetch the file itself with git lfs pull"
    }
    if begins("{") || begins("[") { return "JSON; convert it with onnx.parser or export the model again" }
    if begins("ir_version") || begins("<\n") || begins("graph") {
      return "the text form of a model; save it with onnx.save in the binary form"
    }
    if prefix.count > 1, prefix[0] == 0x80, (2...5).contains(prefix[1]) { return "a Python pickle" }
    if prefix.count >= 8, prefix[4..<8].elementsEqual("ORTM".utf8) { return "a model in ONNX Runtime's own format" }
    if begins("<!DOCTYPE") || begins("<html") { return "a web page" }
    return nil
  }
}
