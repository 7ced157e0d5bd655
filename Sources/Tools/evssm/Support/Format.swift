import Foundation
import PictureRestoration

/// Numbers for people.
enum Format {
  /// A count in groups of three digits: `17,130,675`.
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var out = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { out.append(",") }
      out.append(digit)
    }
    return value < 0 ? "-" + out : out
  }

  /// Bytes in binary units, to one decimal: `65.4 MiB`.
  static func bytes(_ count: Int) -> String { MemorySize(byteCount: count).inBinaryUnits }

  static func fixed(_ value: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
  }

  /// With a sign, `+` or `-`.
  static func signed(_ value: Double, _ decimals: Int) -> String {
    String(format: "%+.\(decimals)f", value)
  }

  /// Two significant digits with an exponent: `4.2e-06`.
  static func scientific(_ value: Double) -> String {
    String(format: "%.1e", value)
  }

  /// One decimal: `57.3 dB`.
  static func decibels(_ value: Double) -> String { "\(fixed(value, 1)) dB" }

  static func shape(_ sizes: [Int]) -> String { "[" + sizes.map(String.init).joined(separator: ", ") + "]" }
}
