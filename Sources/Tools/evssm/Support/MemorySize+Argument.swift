import ArgumentParser
import PictureRestoration

/// Bytes, or a number with one of the units K, M, G, T, which are binary, and may be written KiB, KB and so on.
extension MemorySize: ExpressibleByArgument {
  public init?(argument: String) {
    let text = argument.lowercased()
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let unit = Self.units[String(text.dropFirst(number.count))], number.first?.isNumber ?? false,
      number.last?.isNumber ?? false, let value = Double(number), value > 0, value * unit < 0x1p62
    else { return nil }
    self.init(byteCount: Int(value * unit))
  }

  private static let units: [String: Double] = {
    var out = ["": 1.0, "b": 1.0]
    for (power, letter) in ["k", "m", "g", "t"].enumerated() {
      for ending in ["", "b", "ib"] { out[letter + ending] = Double(1 << (10 * (power + 1))) }
    }
    return out
  }()

  public var defaultValueDescription: String { description }
}
