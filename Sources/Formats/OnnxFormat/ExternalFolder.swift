import CLinux
import COnnxProto
import Crypto
import Foundation
import Tensors

/// The folder of a model: where the files with its external data must lie, and the only place that is looked at.
///
/// A location is a relative path. The files are opened once, below the folder, without following links; what is read
/// afterwards is what was opened and checked.
final class ExternalFolder {
  private let folder: String?
  private let followsLinks: Bool
  private var files: [String: InputFile] = [:]
  private var checkedDigests: Set<String> = []
  /// Bytes of all files that were opened.
  private(set) var byteCount = 0

  /// - Parameters:
  ///   - path: of the model; nil if it did not come from a file.
  ///   - followsLinks: whether symbolic links are followed and files with several names are read, as in a cache whose
  ///     files are links to a store.
  init(modelPath path: String?, followsLinks: Bool) {
    folder = path.map { Self.folder(of: $0) }
    self.followsLinks = followsLinks
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func error(_ code: EVSSMError.Code, _ message: String, _ location: String) -> EVSSMError {
    EVSSMError(code, message, place: .init(file: location.isEmpty ? nil : location))
  }

  /// Reads a tensor whose data lie outside the model's file.
  ///
  /// Throws `onnx.external-entry`, `onnx.external-location`, `onnx.external-link`, `onnx.external-range`,
  /// `onnx.external-checksum` and what ``InputFile`` throws.
  func tensor(_ message: TensorMessage, _ dtype: DType, _ shape: [Int]) throws -> Tensor {
    let entry = try ExternalEntry(messages(message.pointee.external_data, message.pointee.n_external_data))
    let byteCount = try (Checked.multiply(Checked.product(shape), dtype.bitCount) + 7) / 8
    let file = try file(entry.location)
    let end = try Checked.add(entry.offset, byteCount)
    guard entry.length ?? byteCount == byteCount, end <= file.byteCount else {
      throw Self.error(
        "onnx.external-range",
        "\(entry.length ?? byteCount) bytes at \(entry.offset) of \(file.byteCount) are not the "
          + "\(byteCount) that a tensor of shape \(shape) takes.", file.path)
    }
    try checkDigest(entry, file)
    if dtype.bitCount < 8 {
      return try file.bytes(at: entry.offset, count: byteCount).withUnsafeBytes {
        try TensorData.unpacked($0, dtype, shape)
      }
    }
    let tensor = try Tensor(dtype: dtype, shape: shape) { try file.read(at: entry.offset, into: $0) }
    try file.checkUnchanged()
    return tensor
  }

  private func file(_ location: String) throws -> InputFile {
    if let file = files[location] { return file }
    guard let folder else {
      throw Self.error(
        "onnx.external-location", "The model was not read from a file, so it can have no data in others.", location)
    }
    let parts = try Self.parts(location)
    let path = folder + "/" + parts.joined(separator: "/")
    let file = followsLinks ? try InputFile(path) : try beneath(folder, parts, path)
    if !followsLinks, file.linkCount != 1 {
      throw Self.error(
        "onnx.external-link",
        "The file has several names. Copy it, or allow links (--follow-links) if you trust its place.",
        path)
    }
    byteCount = try Checked.add(byteCount, file.byteCount)
    files[location] = file
    return file
  }

  /// The names of a path below the folder. Throws `onnx.external-location` for any other.
  private static func parts(_ location: String) throws -> [String] {
    let parts = location.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let hasDrive = location.utf8.count >= 2 && Array(location.utf8)[1] == UInt8(ascii: ":")
    guard !location.isEmpty, !hasDrive, !location.contains("\\"), parts.allSatisfy({ !["", ".", ".."].contains($0) })
    else {
      throw error(
        "onnx.external-location", "External data must be a file in the model's folder, named by a plain relative path.",
        location)
    }
    return parts
  }

  private func beneath(_ folder: String, _ parts: [String], _ path: String) throws -> InputFile {
    let root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard root >= 0 else { throw Self.openError(path) }
    defer { close(root) }
    var opened = evssm_open_beneath(root, parts.joined(separator: "/"))
    if opened < 0, errno == ENOSYS || errno == EPERM { opened = Self.walk(root, parts) }
    guard opened >= 0 else { throw Self.openError(path) }
    return try InputFile(adopting: opened, path: path)
  }

  /// For systems without openat2: a folder at a time, none of them a link.
  private static func walk(_ root: Int32, _ parts: [String]) -> Int32 {
    var folder = dup(root)
    for part in parts.dropLast() where folder >= 0 {
      let next = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      close(folder)
      folder = next
    }
    guard folder >= 0, let name = parts.last else { return -1 }
    defer { close(folder) }
    return openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
  }

  private static func openError(_ path: String) -> EVSSMError {
    switch errno {
    case ENOENT, ENOTDIR:
      error("onnx.external-missing", "The file with external data is missing. Put it beside the model.", path)
    case ELOOP, EXDEV:
      error(
        "onnx.external-link",
        "The path is or contains a symbolic link. Copy the file, or allow links (--follow-links) if you trust its place.",
        path)
    case ENXIO, EISDIR: error("file.not-regular", "This is not a regular file.", path)
    default: error("file.unreadable", "The file cannot be opened: \(String(cString: strerror(errno))).", path)
    }
  }

  /// Compares the file with the SHA-1 digest that a tensor states; each statement once.
  private func checkDigest(_ entry: ExternalEntry, _ file: InputFile) throws {
    guard let digest = entry.checksum?.lowercased(), checkedDigests.insert(entry.location + ":" + digest).inserted
    else {
      return
    }
    var hash = Insecure.SHA1()
    let step = 1 << 20
    for offset in stride(from: 0, to: file.byteCount, by: step) {
      hash.update(data: try file.bytes(at: offset, count: min(step, file.byteCount - offset)))
    }
    let actual = hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    if actual != digest {
      throw Self.error("onnx.external-checksum", "The file is not the one that the model was saved with.", file.path)
    }
  }
}

/// Where a tensor's data lie.
private struct ExternalEntry {
  let location: String
  let offset: Int
  /// nil: as many bytes as the tensor takes.
  let length: Int?
  /// SHA-1 of the whole file in hexadecimal.
  let checksum: String?

  init(_ entries: [EntryMessage]) throws {
    var values: [String: String] = [:]
    for entry in entries {
      let key = text(entry.pointee.key)
      guard ["location", "offset", "length", "checksum"].contains(key) else {
        throw Self.error("The entry \(EVSSMError.escaped(key)) is unknown")
      }
      guard values.updateValue(text(entry.pointee.value), forKey: key) == nil else {
        throw Self.error("The entry \(key) is there twice")
      }
    }
    guard let location = values["location"] else { throw Self.error("The location is missing") }
    self.location = location
    offset = try values["offset"].map { try Self.number($0, "offset") } ?? 0
    length = try values["length"].map { try Self.number($0, "length") }
    checksum = values["checksum"]
  }

  private static func number(_ text: String, _ name: String) throws -> Int {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = Int(text)
    else { throw error("The \(name) is \(EVSSMError.escaped(text)), which is no count of bytes") }
    return number
  }

  private static func error(_ what: String) -> EVSSMError {
    EVSSMError("onnx.external-entry", "\(what) in the description of external data.")
  }
}
