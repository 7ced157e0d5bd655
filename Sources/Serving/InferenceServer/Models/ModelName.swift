/// Names of models and numbers of versions, as folders and URLs may have them.
package enum ModelName {
  static let maxBytes = 128

  /// Letters, digits, `.`, `_` and `-`; does not start with a dot.
  package static func isValid(_ name: String) -> Bool {
    guard (1...maxBytes).contains(name.utf8.count), name.utf8.first != UInt8(ascii: ".") else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  /// The number that a version's folder or a URL names: 1 and up, without leading zeros or signs.
  package static func version(_ text: String) -> Int? {
    guard (1...9).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "0"),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int(text)
  }
}
