import Tensors

/// A picture file format that is read and written.
public enum PictureFormat: String, Sendable, Hashable, CaseIterable {
  case png = "PNG"
  case jpeg = "JPEG"

  /// File name extensions, in lower case.
  package var extensions: [String] {
    switch self {
    case .png: ["png"]
    case .jpeg: ["jpg", "jpeg"]
    }
  }

  /// The format of a file that starts with `prefix` (at least 12 bytes), by content alone.
  /// - Throws: `picture.unknown-format`, naming the format if it is a well-known one.
  package init(prefix: UnsafeRawBufferPointer) throws {
    if prefix.starts(with: PNGStructure.signature) {
      self = .png
    } else if prefix.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else {
      let name = Self.otherFormat(prefix).map { "This is a \($0) file" } ?? "This is no picture that is known"
      throw EVSSMError("picture.unknown-format", "\(name). Convert it to PNG or JPEG.")
    }
  }

  private static func otherFormat(_ prefix: UnsafeRawBufferPointer) -> String? {
    if prefix.starts(with: "RIFF", at: 0), prefix.starts(with: "WEBP", at: 8) { return "WebP" }
    if prefix.starts(with: "ftypavif", at: 4) { return "AVIF" }
    if prefix.starts(with: "ftyphei", at: 4) { return "HEIF" }
    if prefix.starts(with: "GIF8", at: 0) { return "GIF" }
    if prefix.starts(with: "BM", at: 0) { return "BMP" }
    if prefix.starts(with: [0x49, 0x49, 42, 0]) || prefix.starts(with: [0x4D, 0x4D, 0, 42]) { return "TIFF" }
    return nil
  }

  /// The format that an output path asks for by its extension.
  /// - Throws: `picture.unknown-extension` (usage), naming the extensions there are.
  package init(outputPath path: String) throws {
    let name = path.split(separator: "/").last ?? ""
    let ending = name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() } ?? ""
    guard let format = Self.allCases.first(where: { $0.extensions.contains(ending) }) else {
      let known = Self.allCases.flatMap(\.extensions).map { ".\($0)" }.joined(separator: ", ")
      throw EVSSMError(
        "picture.unknown-extension", "An output picture's name must end in one of \(known).", category: .usage,
        place: .init(file: path))
    }
    self = format
  }
}
