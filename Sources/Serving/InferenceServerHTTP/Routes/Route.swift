import HTTPTypes

/// What a request's path asks for.
enum Route: Hashable {
  case page
  case icon
  case metrics
  case live
  case ready
  case server
  case restore
  case repositoryIndex
  case repositoryLoad(String)
  case repositoryUnload(String)
  case statistics(model: String?, version: String?)
  case model(String, version: String?)
  case modelReady(String, version: String?)
  case modelConfig(String, version: String?)
  case infer(String, version: String?)

  /// The route of a path, whose segments are percent-decoded one by one; nil if there is none.
  init?(path: Substring) {
    guard path.first == "/" else { return nil }
    let raw = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    let segments = raw.compactMap(Self.decoded)
    guard segments.count == raw.count, let route = Self.route(segments) else { return nil }
    self = route
  }

  private static func route(_ segments: [String]) -> Route? {
    switch segments.count {
    case 1:
      switch segments[0] {
      case "": return .page
      case "favicon.ico": return .icon
      case "metrics": return .metrics
      case "v2": return .server
      default: return nil
      }
    case 2: return segments == ["v1", "restore"] ? .restore : nil
    default: break
    }
    switch (segments[0], segments[1]) {
    case ("v2", "health"): return health(segments)
    case ("v2", "repository"): return repository(Array(segments.dropFirst(2)))
    case ("v2", "models"): return model(Array(segments.dropFirst(2)))
    default: return nil
    }
  }

  private static func health(_ segments: [String]) -> Route? {
    switch segments.dropFirst(2) {
    case ["live"]: .live
    case ["ready"]: .ready
    default: nil
    }
  }

  private static func repository(_ segments: [String]) -> Route? {
    switch (segments.count, segments.first, segments.last) {
    case (1, "index", _): .repositoryIndex
    case (3, "models", "load"): .repositoryLoad(segments[1])
    case (3, "models", "unload"): .repositoryUnload(segments[1])
    default: nil
    }
  }

  private static func model(_ segments: [String]) -> Route? {
    if segments == ["stats"] { return .statistics(model: nil, version: nil) }
    guard let name = segments.first else { return nil }
    let isVersioned = segments.count >= 3 && segments[1] == "versions"
    let version = isVersioned ? segments[2] : nil
    switch Array(segments.dropFirst(isVersioned ? 3 : 1)) {
    case []: return .model(name, version: version)
    case ["ready"]: return .modelReady(name, version: version)
    case ["config"]: return .modelConfig(name, version: version)
    case ["stats"]: return .statistics(model: name, version: version)
    case ["infer"]: return .infer(name, version: version)
    default: return nil
    }
  }

  /// Methods that the route answers to.
  var methods: [HTTPRequest.Method] {
    switch self {
    case .restore, .repositoryIndex, .repositoryLoad, .repositoryUnload, .infer: [.post]
    default: [.get, .head]
    }
  }

  /// Whether it may be asked for without a token.
  var isPublic: Bool {
    switch self {
    case .page, .icon, .live, .ready: true
    default: false
    }
  }

  /// Percent-decoded text; nil for wrong escapes, control characters or bytes that are not UTF-8.
  static func decoded(_ segment: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = segment.utf8.makeIterator()
    while let byte = rest.next() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
      bytes.append(high << 4 | low)
    }
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// The values of a query, each percent-decoded; the first of a name counts.
struct Query {
  private var values: [String: String] = [:]

  init(_ text: Substring?) {
    for part in (text ?? "").split(separator: "&").prefix(32) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Route.decoded(pair[0]), values[name] == nil else { continue }
      values[name] = pair.count == 2 ? Route.decoded(pair[1]) : ""
    }
  }

  subscript(name: String) -> String? { values[name] }
}
