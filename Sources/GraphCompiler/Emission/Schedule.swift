import ExecutionPlan

/// Chooses how stages are cut into strips: small enough for the caches, large enough that the barriers between a
/// strip's phases cost little. Recorded in the plan.
public struct Schedule: Sendable, Hashable {
  /// Bytes of strip buffers to aim for, over all cores.
  public var strip: Int

  /// - Parameter strip: 6 MiB by default, which two threads with 1 MiB of second-level cache each and a shared third
  ///   level ran fastest of 0.75 to 12 MiB; a single thread hardly depends on it.
  public init(strip: Int = 6 << 20) { self.strip = strip }

  /// Pixels of a strip of the scan stage; a pixel holds the expanded and the mixed map, twice the channels each.
  func scanStripPixels(channels: Int) -> Int {
    let pixel = 4 * (4 * Layout.pitch(channels) + 64)
    return min(max(strip / 2 / pixel, 128), 2048)
  }

  /// Rows and columns of a feed-forward strip; a pixel holds both hidden halves.
  func feedForward(channels: Int, hidden: Int) -> (stripRows: Int, panelColumns: Int) {
    let pixel = 4 * (2 * Layout.pitch(hidden) + Layout.pitch(channels))
    let pixels = max(strip / pixel, 64)
    let columns = min(max(pixels / 4 / 8 * 8, 64), 256)
    let rows = pixels / columns
    return (rows >= 12 ? 8 : rows >= 6 ? 4 : 2, columns)
  }
}
