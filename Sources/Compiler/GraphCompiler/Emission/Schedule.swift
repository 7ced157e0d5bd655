import ExecutionPlan

/// Chooses how stages are cut into strips: small enough for the caches, large enough that the changes between phases
/// cost little. Recorded in the plan; `compile --explain` shows it.
package struct Schedule: Sendable, Hashable {
  package var target: TargetDescription
  /// Pixels of a scan stage's strip, where the model is not to choose.
  package var scanStripPixels: Int?
  /// Rows of a feed-forward stage's strip (1, 2, 4 or 8), where the model is not to choose.
  package var feedForwardRows: Int?
  /// Columns of its panel (a multiple of 8, at least 16), where the model is not to choose.
  package var feedForwardColumns: Int?

  package init(target: TargetDescription = TargetDescription()) { self.target = target }

  private var model: CostModel { CostModel(target: target) }

  private static func megabytes(_ bytes: Int) -> String {
    let tenths = (bytes * 10 + (1 << 19)) >> 20
    return "\(tenths / 10).\(tenths % 10) MiB"
  }
}

// MARK: - Scan stage

extension Schedule {
  struct ScanChoice {
    /// Pixels of a strip.
    var stripPixels: Int
    var reason: String
  }

  /// Each pixel has the expanded map, two strips of the mixed one (inner channels all), two of the parameters, and those
  /// behind the taps.
  func scan(inner: Int, rank: Int) -> ScanChoice {
    let parameters = Layout.pitch(rank + 2 * Layout.states)
    let pixel = 4 * (3 * Layout.pitch(inner) + 3 * parameters)
    // The depthwise convolution reads three rows, the scan and what follows read and write once each.
    let traffic = 4 * (8 * Layout.pitch(inner) + 4 * parameters)
    let choices = scanStripPixels.map { [$0] } ?? [256, 512, 768, 1024, 1536, 2048, 3072, 4096]
    let best = choices.min { cost($0, pixel, traffic) < cost($1, pixel, traffic) }
    let pixels = best ?? 1024
    return ScanChoice(
      stripPixels: pixels,
      reason: "strips of about \(pixels) pixels: \(Self.megabytes(pixels * pixel)) of buffers, in the "
        + model.level(pixels * pixel).rawValue)
  }

  private func cost(_ pixels: Int, _ pixel: Int, _ traffic: Int) -> Double {
    model.cycles(pixels: pixels, phases: 5, bytes: pixels * pixel, traffic: traffic)
  }
}

// MARK: - Feed-forward stage

extension Schedule {
  struct FeedForwardChoice {
    var stripRows: Int
    var panelColumns: Int
    var reason: String
  }

  private struct FeedForwardCandidate {
    let columns: Int
    let bytes: Int
    let cycles: Double
  }

  /// A thread has a panel to itself, so a strip of more than a row only takes more memory.
  func feedForward(channels: Int, hidden: Int) -> FeedForwardChoice {
    let rows = feedForwardRows ?? 1
    let candidates = (feedForwardColumns.map { [$0] } ?? [32, 64]).map {
      candidate(rows, $0, channels: channels, hidden: hidden)
    }
    guard let best = candidates.min(by: { $0.cycles < $1.cycles }) else {
      return FeedForwardChoice(stripRows: rows, panelColumns: 64, reason: "no candidate")
    }
    return FeedForwardChoice(
      stripRows: rows, panelColumns: best.columns,
      reason:
        "strips of \(rows) rows in panels of \(best.columns) columns, a thread each: \(Self.megabytes(best.bytes)) "
        + "of buffers, in the \(model.level(best.bytes * target.cores).rawValue)")
  }

  /// A pixel of a row in the ring holds both hidden halves; the gated row, and of a band the projection and the map, have
  /// one each. Panels compute the columns at their edges twice.
  private func candidate(_ rows: Int, _ columns: Int, channels: Int, hidden: Int) -> FeedForwardCandidate {
    let (wide, narrow) = (2 * Layout.pitch(hidden), Layout.pitch(channels))
    let bytes = 4 * columns * ((rows + 2) * wide + wide / 2 + 2 * Layout.patch * narrow)
    let halo = 2 * Double(channels * wide) / Double(columns * Layout.lanes)
    let traffic = 4 * (4 * wide + 2 * narrow)
    return FeedForwardCandidate(
      columns: columns, bytes: bytes, cycles: Double(traffic) * model.cyclesPerByte(bytes * target.cores) + halo)
  }
}

// MARK: - Doubling convolution

extension Schedule {
  struct DoublingChoice {
    /// Nil where interpolation goes first.
    var panelColumns: Int?
    var reason: String
  }

  /// Products first costs a quarter of the multiply-adds and, a vector of output channels and pixel of the input, the
  /// mixing of nine products into four results.
  func doubling(inputChannels: Int, outputChannels: Int, kernelSide: Int) -> DoublingChoice {
    let mixing = 64
    let (first, behind) = (4 * 9 * inputChannels, 9 * inputChannels + mixing)
    guard kernelSide == 3, behind < first else {
      return DoublingChoice(
        panelColumns: nil, reason: "interpolation before the matrix: a \(kernelSide)×\(kernelSide) kernel")
    }
    // Three rows of products in a quarter of a core's cache, which the matrices pass through as well.
    let pixel = 4 * 3 * 9 * Layout.pitch(outputChannels)
    let columns = min(max(target.secondLevelBytes / 4 / pixel / 8 * 8, 8), 64)
    return DoublingChoice(
      panelColumns: columns,
      reason:
        "matrices before interpolation, \(columns) columns at a time: \(behind) cycles a pixel and vector, not \(first)"
    )
  }
}
