import CKernels
import ExecutionPlan

/// Runs a scan stage: window after window, strip after strip, each strip in five phases.
///
/// 1. expand: norm and the x half of in_proj for the strip's rows, one row ahead.
/// 2. mix: depthwise 3×3, GELU and x_proj.
/// 3. taps: the seven taps along the scan order.
/// 4. scan: the state recurrence, split over channels.
/// 5. close: layer norm, z half of in_proj, GELU, gate, out_proj, residual.
final class ScanStageExecutor: StepExecutor, @unchecked Sendable {
  // Unchecked: all members are constants; the memory behind the pointers is written in phases that wait for each other.
  let kernels: UnsafePointer<evssm_kernels>
  let stage: ScanStage
  let layout: ScanStageLayout
  let tile: TileLayout
  let view: FrameView
  let input: Floats
  let output: Floats
  let weights: ScanStageWeights
  /// Whether the plan has matrices in bfloat16: then GELU, softplus and decays are the coarse ones.
  let isReduced: Bool
  let expanded: Floats
  private let sequences: (even: Floats, odd: Floats)
  private let parameterBuffers: (even: Floats, odd: Floats)
  let convolved: Floats
  let state: Floats
  let tiles: RowTiles

  init(
    _ stage: ScanStage, input: MapView, output: MapView, weights: ScanStageWeights, isReduced: Bool, scratch: Floats,
    kernels: UnsafePointer<evssm_kernels>
  ) throws {
    self.kernels = kernels
    self.stage = stage
    self.weights = weights
    self.isReduced = isReduced
    layout = try ScanStageLayout(stage, height: input.height, width: input.width)
    tile = try TileLayout(.scanStage(stage))
    view = FrameView(frame: stage.frame, height: input.height, width: input.width, pitch: input.pitch)
    self.input = input.pixels
    self.output = output.pixels
    expanded = scratch + layout.expanded
    let before = ScanStageLayout.lag
    let buffers = { (offsets: [Int], before: Int) in (scratch + offsets[0] + before, scratch + offsets[offsets.count - 1] + before) }
    sequences = buffers(layout.sequence, before * layout.innerPitch)
    parameterBuffers = buffers(layout.parameters, 2 * before * layout.parameterPitch)
    convolved = scratch + layout.convolved + before * layout.parameterPitch
    state = scratch + layout.state
    tiles = RowTiles(width: layout.columns.length)
  }

  /// A window, and where it lies among the others.
  struct Window {
    let row: Int
    let column: Int
    let top: Int
    let left: Int
  }

  /// Rows of a window that are processed together, and the positions that their scan covers, counted from the strip's
  /// first pixel.
  struct Strip {
    let window: Window
    let index: Int
    let firstRow: Int
    let rows: Int
    let isLast: Bool
    let scanStart: Int
    let scanEnd: Int

    var isFirst: Bool { index == 0 }
  }

  /// u and then y of a strip, at its first position.
  func sequence(_ strip: Int) -> Floats { strip % 2 == 0 ? sequences.even : sequences.odd }

  /// x_proj's result for a strip, at its first position.
  func parameters(_ strip: Int) -> Floats { strip % 2 == 0 ? parameterBuffers.even : parameterBuffers.odd }

  func run(worker: Int, team: Team, scratch: Floats) {
    for row in layout.rows.starts.indices {
      for column in layout.columns.starts.indices {
        let window = Window(row: row, column: column, top: layout.rows.starts[row], left: layout.columns.starts[column])
        run(Turn(window: window, worker: worker, team: team, scratch: scratch))
      }
    }
  }

  private func strip(_ index: Int, _ window: Window) -> Strip {
    let firstRow = index * layout.stripRows
    let rows = min(layout.stripRows, layout.rows.length - firstRow)
    let isLast = firstRow + rows == layout.rows.length
    let positions = rows * layout.columns.length
    return Strip(
      window: window, index: index, firstRow: firstRow, rows: rows, isLast: isLast,
      scanStart: index == 0 ? 0 : -ScanStageLayout.lag, scanEnd: isLast ? positions : positions - ScanStageLayout.lag)
  }

  /// A worker on a window.
  private struct Turn {
    let window: Window
    let worker: Int
    let team: Team
    let scratch: Floats
  }

  private enum Phase { case expand, mix, taps, scan, close }

  /// Strip after strip, two of them under way, so that two phases that follow each other never belong to each other: the
  /// second may begin while the first ends.
  private func run(_ turn: Turn) {
    let count = (layout.rows.length + layout.stripRows - 1) / layout.stripRows
    run(.expand, 0, turn, overlapping: 0)
    run(.mix, 0, turn, overlapping: 0)
    run(.taps, 0, turn, overlapping: 0)
    if count > 1 { run(.expand, 1, turn, overlapping: 1) }
    for index in 0..<count {
      let isFollowed = index + 1 < count
      run(.scan, index, turn, overlapping: isFollowed ? 1 : 0)
      if isFollowed { run(.mix, index + 1, turn, overlapping: 1) }
      run(.close, index, turn, overlapping: isFollowed ? 1 : 0)
      if isFollowed { run(.taps, index + 1, turn, overlapping: 1) }
      if index + 2 < count { run(.expand, index + 2, turn, overlapping: 1) }
    }
  }

  private func run(_ phase: Phase, _ index: Int, _ turn: Turn, overlapping: Int) {
    let strip = strip(index, turn.window)
    turn.team.phase(tileCount(phase, strip), worker: turn.worker, overlapping: overlapping) { tile in
      switch phase {
      case .expand: expand(strip, tile, turn.scratch)
      case .mix: mix(strip, tile)
      case .taps: convolve(strip, tile)
      case .scan: scan(strip, tile)
      case .close: close(strip, tile, turn.scratch)
      }
    }
  }

  private func tileCount(_ phase: Phase, _ strip: Strip) -> Int {
    switch phase {
    case .expand: tiles.count(rows: rowsToExpand(strip).count)
    case .mix: tiles.count(rows: strip.rows)
    case .scan: layout.innerPitch / Layout.lanes
    case .taps, .close: tiles.count(rows: closingRows(strip).count)
    }
  }

  /// Floats a row of the ring: the window's columns and a pixel of halo at both ends.
  var ringRow: Int { (layout.columns.length + 2) * layout.innerPitch }

  /// The first pixel of a row of the window in the ring; rows −1 and `length` are zero rows.
  func ring(_ row: Int) -> Floats {
    let slots = layout.stripRows + 2
    return expanded + (row + slots) % slots * ringRow + layout.innerPitch
  }

  /// The rows that the strip's depthwise convolution needs and no strip before it made.
  func rowsToExpand(_ strip: Strip) -> Range<Int> {
    (strip.isFirst ? -1 : strip.firstRow + 1)..<(strip.firstRow + strip.rows + 1)
  }
}
