import Foundation

/// Why a plan that was written may not be what is wanted.
public enum CompilationDoubt: Sendable, Hashable, CustomStringConvertible {
  /// So many of the values of its probe picture are NaN or infinite; the plan's description says so.
  case nonFinite(count: Int, of: Int)
  /// Rounding to bfloat16 takes its probe picture below the signal-to-noise ratio that it is held to, both in dB.
  case imprecise(decibels: Double, minimum: Double)

  /// One sentence, for people.
  public var description: String {
    func text(_ decibels: Double) -> String { String(format: "%.1f dB", decibels) }
    return switch self {
    case .nonFinite(let count, let total):
      "\(count) of the \(total) values of the plan's own probe picture are NaN or infinite; the plan says so."
    case .imprecise(let decibels, let minimum):
      "the plan's own probe picture comes out at \(text(decibels)), less than the \(text(minimum)) that bfloat16 is to "
        + "keep; these weights need float32."
    }
  }
}
