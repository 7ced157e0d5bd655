/// What every throwing function of this package throws: what went wrong, how to mend it, and where.
public struct EVSSMError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable identifier in kebab case under the name of its area, such as `zip.crc-mismatch` or
  /// `plan.digest-mismatch`.
  public struct Code: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral {
    public var rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
  }

  /// The class of the failure; decides the exit code of the command-line tool (sysexits.h).
  public enum Category: Int32, Sendable, Hashable {
    case usage = 64
    case badInput = 65
    case noInput = 66
    case unavailable = 69
    case `internal` = 70
    case inputOutput = 74
  }

  /// Where the failure was found. Every part is optional; `file` is as the caller named it.
  public struct Place: Sendable, Hashable {
    public var file: String?
    /// Offset in bytes from the start of `file`.
    public var byteOffset: UInt64?
    /// The name of a tensor, graph node, plan step or archive entry.
    public var node: String?
    /// The command-line option or configuration key.
    public var option: String?

    public init(file: String? = nil, byteOffset: UInt64? = nil, node: String? = nil, option: String? = nil) {
      self.file = file
      self.byteOffset = byteOffset
      self.node = node
      self.option = option
    }
  }

  public var code: Code
  public var category: Category
  /// What is wrong and how to mend it, in plain sentences. Text from outside is escaped by `escaped(_:limit:)`.
  public var message: String
  public var place: Place
  /// The name of the published limit that was exceeded, if one was (see `Limits`).
  public var limit: String?

  public init(
    _ code: Code, _ message: String, category: Category = .badInput, place: Place = Place(), limit: String? = nil
  ) {
    self.code = code
    self.category = category
    self.message = message
    self.place = place
    self.limit = limit
  }

  /// The same error with the parts of `place` that it lacks filled in.
  package func at(_ outer: Place) -> EVSSMError {
    var copy = self
    copy.place.file = place.file ?? outer.file
    copy.place.byteOffset = place.byteOffset ?? outer.byteOffset
    copy.place.node = place.node ?? outer.node
    copy.place.option = place.option ?? outer.option
    return copy
  }

  /// One line: place, message, code and limit.
  public var description: String {
    var parts: [String] = []
    if let file = place.file { parts.append(Self.escaped(file)) }
    if let byteOffset = place.byteOffset { parts.append("byte \(byteOffset)") }
    if let node = place.node { parts.append(Self.escaped(node)) }
    if let option = place.option { parts.append(Self.escaped(option)) }
    let prefix = parts.isEmpty ? "" : parts.joined(separator: ": ") + ": "
    let suffix = limit.map { ", limit \($0)" } ?? ""
    return "\(prefix)\(message) [\(code.rawValue)\(suffix)]"
  }

  /// Text from an untrusted source made fit for one line of a log: control and bidirectional characters escaped,
  /// cut after `limit` characters.
  package static func escaped(_ text: String, limit: Int = 200) -> String {
    var out = ""
    var count = 0
    for scalar in text.unicodeScalars {
      if count == limit { return out + "…" }
      count += 1
      switch scalar.value {
      case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
        out += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
