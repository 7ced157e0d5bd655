import GraphIR
import Tensors

extension EVSSMArchitecture {
  /// Multiply-adds of one run of the network as it is written (windows recomputed where they overlap): matrices
  /// and convolutions, not the scan's recurrence and not elementwise work. About 125.5·10⁹ for the official network at
  /// 256×256.
  ///
  /// Throws `size.overflow`.
  package func multiplyAdds(height: Int, width: Int, windows: WindowMode = .released) throws -> Int {
    let h = try Checked.roundUp(height, to: 4)
    let w = try Checked.roundUp(width, to: 4)
    let pixels = try (0..<3).map { try Checked.multiply(h >> $0, w >> $0) }
    var total = 0
    func add(_ pixels: Int, _ perPixel: Int) throws {
      total = try Checked.add(total, Checked.multiply(pixels, perPixel))
    }
    try add(pixels[0], 2 * 27 * dim)
    for stage in stages {
      let level = stage.level
      let scanned = try scannedPixels(h >> level, w >> level, windows, level)
      try add(scanned, Checked.multiply(blocks[level], scanCost(level)))
      try add(pixels[level], Checked.multiply(blocks[level], feedForwardCost(level)))
    }
    for (i, side) in downKernels.enumerated() { try add(pixels[i + 1], side * side * channels(i) * channels(i + 1)) }
    for (i, side) in upKernels.enumerated() { try add(pixels[1 - i], side * side * channels(2 - i) * channels(1 - i)) }
    return total
  }

  /// Pixels of all windows of a level, those in overlaps counted for every window.
  private func scannedPixels(_ height: Int, _ width: Int, _ windows: WindowMode, _ level: Int) throws -> Int {
    guard windows == .released else { return try Checked.multiply(height, width) }
    let side = Self.releasedWindowSides[level]
    let rows = try WindowGrid(size: height, side: side)
    let columns = try WindowGrid(size: width, side: side)
    return try Checked.product([rows.starts.count, rows.length, columns.starts.count, columns.length])
  }

  private func scanCost(_ level: Int) -> Int {
    let c = channels(level)
    let d = inner(level)
    let parameters = rank[level] + 2 * Self.states
    return 2 * d * c + 9 * d + parameters * d + Self.taps * parameters + d * rank[level] + d * c
  }

  private func feedForwardCost(_ level: Int) -> Int {
    let c = channels(level)
    let e = hidden[level]
    return 2 * e * c + 18 * e + e * c
  }
}
