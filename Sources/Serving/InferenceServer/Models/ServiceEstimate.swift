import Synchronization

/// How long a model takes a pixel on the whole machine: an exponentially weighted mean of past runs.
package final class ServiceEstimate: Sendable {
  private static let weight = 0.2
  private let nanosecondsPerPixel = Mutex<Double?>(nil)

  package init() {}

  /// - Parameter machineTime: nanoseconds, times the share of the machine's threads that the run had.
  func record(pixels: Int, machineTime: Double) {
    let sample = machineTime / Double(max(pixels, 1))
    nanosecondsPerPixel.withLock { $0 = $0.map { $0 + Self.weight * (sample - $0) } ?? sample }
  }

  /// Nanoseconds for a picture, had it the machine to itself; nil before the first run.
  func nanoseconds(pixels: Int) -> Double? {
    nanosecondsPerPixel.withLock { $0.map { $0 * Double(pixels) } }
  }
}
