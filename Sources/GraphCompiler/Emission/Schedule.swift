import ExecutionPlan

/// Chooses how stages are cut, so that a strip's buffers stay in the second-level caches. Recorded in the plan.
public struct Schedule: Sendable, Hashable {
  /// Bytes of strip buffers to aim for, over all cores.
  public var strip: Int

  /// - Parameter strip: 1.5 MiB by default: most of the second-level caches of two cores.
  public init(strip: Int = 3 << 19) { self.strip = strip }

  /// Pixels of a strip of the scan stage; a pixel holds the expanded and the mixed map, twice the channels each.
  func scanStripPixels(channels: Int) -> Int {
    let pixel = 4 * (4 * Layout.pitch(channels) + 64)
    return min(max(strip / 2 / pixel, 128), 1024)
  }

  /// Rows and columns of a feed-forward strip; a pixel holds both hidden halves.
  func feedForward(channels: Int, hidden: Int) -> (stripRows: Int, panelColumns: Int) {
    let pixel = 4 * (2 * Layout.pitch(hidden) + Layout.pitch(channels))
    let pixels = max(strip / pixel, 64)
    let columns = min(max(pixels / 4 / 8 * 8, 64), 256)
    let rows = pixels / columns
    return (rows >= 6 ? 4 : 2, columns)
  }
}
