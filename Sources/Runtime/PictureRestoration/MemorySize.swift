import Foundation

/// An amount of memory.
public struct MemorySize: Sendable, Hashable, CustomStringConvertible {
  public var byteCount: Int

  public init(byteCount: Int) { self.byteCount = byteCount }

  /// The smallest whole number of mebibytes that is not less, as the command line takes it: `119M`.
  public var description: String { "\((byteCount + (1 << 20) - 1) >> 20)M" }

  /// Binary units, to one decimal: `65.4 MiB`.
  package var inBinaryUnits: String {
    if byteCount < 1024 { return "\(byteCount) B" }
    var value = Double(byteCount)
    for unit in ["KiB", "MiB", "GiB"] {
      value /= 1024
      if value < 1024 { return String(format: "%.1f \(unit)", value) }
    }
    return String(format: "%.1f TiB", value / 1024)
  }
}
