import CKernels
import ExecutionPlan

/// Runs a scan stage: window after window, strip after strip, each strip in five phases.
///
/// 1. expand: norm and the x half of in_proj for the strip's rows, one row ahead.
/// 2. mix: depthwise 3×3, GELU and x_proj.
/// 3. taps: the seven taps along the scan order.
/// 4. scan: the state recurrence.
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
  let first: ScanStageHalf
  /// The same as ``first`` where rows are not cut.
  let second: ScanStageHalf
  let state: Floats
  /// Sums of y where windows overlap.
  let shared: Floats
  let tiles: RowTiles

  init(_ stage: ScanStage, _ context: ExecutorContext) throws {
    let (input, scratch) = (context.map(stage.input), context.scratch)
    kernels = context.kernels
    self.stage = stage
    weights = ScanStageWeights(stage, context.constants)
    isReduced = context.precision == .bfloat16
    layout = try ScanStageLayout(stage, height: input.height, width: input.width)
    tile = try stage.tileLayout()
    view = FrameView(frame: stage.frame, height: input.height, width: input.width, pitch: input.pitch)
    self.input = input.pixels
    output = context.map(stage.output).pixels
    first = ScanStageHalf(layout.first, of: layout, in: scratch)
    second = ScanStageHalf(layout.second ?? layout.first, of: layout, in: scratch)
    state = scratch + layout.state
    shared = scratch + layout.shared
    tiles = layout.tiles
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

  /// The half that a column belongs to.
  func half(of column: Int) -> ScanStageHalf { column < second.start ? first : second }

  func run(worker: Int, team: Team, scratch: Floats) {
    let (rows, columns) = (layout.rows.starts.count, layout.columns.starts.count)
    for index in 0..<rows * columns {
      let (row, column) =
        layout.overlaps.isColumnMajor ? (index % rows, index / rows) : (index / columns, index % columns)
      let window = Window(row: row, column: column, top: layout.rows.starts[row], left: layout.columns.starts[column])
      run(Turn(window: window, worker: worker, team: team, scratch: scratch))
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
  struct Turn {
    let window: Window
    let worker: Int
    let team: Team
    let scratch: Floats
  }

  private enum Phase { case expand, mix, taps, scan, close }

  /// A phase of a strip.
  private struct Work {
    let phase: Phase
    let strip: Int
  }

  /// The last two phases that the worker has gone through.
  private struct Recent {
    var last: Work?
    var beforeLast: Work?
  }

  /// Strip after strip, two of them under way, so that two phases that follow each other never belong to each other: the
  /// second may begin while the first ends.
  private func run(_ turn: Turn) {
    let count = (layout.rows.length + layout.stripRows - 1) / layout.stripRows
    var recent = Recent()
    func run(_ phase: Phase, _ index: Int, overlaps: Bool = true) {
      self.run(Work(phase: phase, strip: index), after: &recent, overlaps: overlaps, turn)
    }
    run(.expand, 0, overlaps: false)
    run(.mix, 0, overlaps: false)
    run(.taps, 0, overlaps: false)
    if count > 1 { run(.expand, 1) }
    for index in 0..<count {
      let isFollowed = index + 1 < count
      run(.scan, index, overlaps: isFollowed)
      if isFollowed { run(.mix, index + 1) }
      run(.close, index, overlaps: isFollowed)
      if isFollowed { run(.taps, index + 1) }
      if index + 2 < count { run(.expand, index + 2) }
    }
    assist(recent.beforeLast, 1, turn)
    assist(recent.last, 0, turn)
  }

  /// Helps with the phases that this one needs complete, then does the worker's own part of it.
  private func run(_ work: Work, after recent: inout Recent, overlaps: Bool, _ turn: Turn) {
    assist(recent.beforeLast, 1, turn)
    if !overlaps { assist(recent.last, 0, turn) }
    recent = Recent(last: work, beforeLast: recent.last)
    let strip = strip(work.strip, turn.window)
    let overlapping = overlaps ? 1 : 0
    if work.phase == .scan {
      scan(strip, turn, overlapping: overlapping)
    } else if work.phase == .close,
      layout.columns.coveredFrom(turn.window.column) < turn.window.left + layout.columns.length
    {
      // The columns on the right are another window's to project, so their worker has less to do.
      turn.team.phase(tileCount(work.phase, strip), worker: turn.worker, overlapping: overlapping) {
        run(work.phase, strip, tile: $0, turn.scratch)
      }
    } else {
      turn.team.share(tileCount(work.phase, strip), worker: turn.worker, overlapping: overlapping) {
        run(work.phase, strip, tile: $0, turn.scratch)
      }
    }
  }

  private func assist(_ work: Work?, _ back: Int, _ turn: Turn) {
    guard let work, turn.team.count > 1 else { return }
    let strip = strip(work.strip, turn.window)
    if work.phase == .scan {
      assistScan(strip, turn, back: back)
    } else {
      turn.team.assist(back, tiles: tileCount(work.phase, strip), worker: turn.worker) {
        run(work.phase, strip, tile: $0, turn.scratch)
      }
    }
  }

  private func run(_ phase: Phase, _ strip: Strip, tile: Int, _ scratch: Floats) {
    switch phase {
    case .expand: expand(strip, tile, scratch)
    case .mix: mix(strip, tile)
    case .taps: convolve(strip, tile)
    case .scan: break
    case .close: close(strip, tile, scratch)
    }
  }

  private func tileCount(_ phase: Phase, _ strip: Strip) -> Int {
    switch phase {
    case .expand: tiles.count(rows: rowsToExpand(strip).count)
    case .mix: tiles.count(rows: strip.rows)
    case .scan: 0
    case .taps, .close: tiles.count(rows: closingRows(strip).count)
    }
  }

  /// The rows that the strip's depthwise convolution needs and no strip before it made.
  func rowsToExpand(_ strip: Strip) -> Range<Int> {
    (strip.isFirst ? -1 : strip.firstRow + 1)..<(strip.firstRow + strip.rows + 1)
  }
}
