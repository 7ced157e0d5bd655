import CKernels
import ExecutionPlan

/// The recurrence. Several workers share it out by halves of the columns, each those that it convolves and closes, so that hardly
/// anything crosses from core to core: a batch of channels goes from half to half along the rows, and while one worker has a
/// batch the other has another. A single worker, and several on few channels, take whole batches through the strip.
extension ScanStageExecutor {
  /// With fewer groups of channels the halves would wait for each other.
  private static let leastGroupsForHalves = 4

  private var groups: Int { layout.innerPitch / Layout.lanes }
  /// A few batches, so that a worker seldom waits for the next.
  private var groupsInBatch: Int { (groups + 5) / 6 }
  private var batches: Int { (groups + groupsInBatch - 1) / groupsInBatch }

  private func channels(_ batch: Int) -> Range<Int> {
    let size = groupsInBatch * Layout.lanes
    return batch * size..<min((batch + 1) * size, layout.innerPitch)
  }

  private func goesByHalves(_ team: Team) -> Bool {
    team.count > 1 && layout.second != nil && groups >= Self.leastGroupsForHalves
  }

  /// Rows that the scan of a strip goes through. What it covers of the row in front of the strip's first belongs to that one.
  private func scannedRows(_ strip: Strip) -> Int { closingRows(strip).upperBound }

  private func linkCount(_ strip: Strip, _ team: Team) -> Int { goesByHalves(team) ? 2 * scannedRows(strip) : 1 }

  /// A worker's own part of a strip's scan.
  func scan(_ strip: Strip, _ turn: Turn, overlapping: Int) {
    let team = turn.team
    let isByHalves = goesByHalves(team)
    let half = turn.worker * 2 / team.count
    let ownBatches = turn.worker * batches / team.count..<(turn.worker + 1) * batches / team.count
    team.chains(
      batches, links: linkCount(strip, team), worker: turn.worker, overlapping: overlapping,
      isOwn: { isByHalves ? $1 & 1 == half : ownBatches.contains($0) }
    ) { scan(strip, batch: $0, link: $1, isByHalves) }
  }

  func assistScan(_ strip: Strip, _ turn: Turn, back: Int) {
    let isByHalves = goesByHalves(turn.team)
    turn.team.assist(back, chains: batches, links: linkCount(strip, turn.team), worker: turn.worker) {
      scan(strip, batch: $0, link: $1, isByHalves)
    }
  }

  /// A batch of channels over a half of a row, or over all of the strip.
  private func scan(_ strip: Strip, batch: Int, link: Int, _ isByHalves: Bool) {
    let channels = channels(batch)
    if link == 0 {
      if strip.isFirst {
        clearState(channels)
      } else {
        scan(strip, row: -1, isSecond: true, channels)
      }
    }
    if isByHalves {
      let (row, half) = link.quotientAndRemainder(dividingBy: 2)
      return scan(strip, row: row, isSecond: half == 1, channels)
    }
    for row in 0..<scannedRows(strip) {
      scan(strip, row: row, isSecond: false, channels)
      if layout.second != nil { scan(strip, row: row, isSecond: true, channels) }
    }
  }

  private func clearState(_ channels: Range<Int>) {
    for n in 0..<Layout.states {
      (state + n * layout.innerPitch + channels.lowerBound).update(repeating: 0, count: channels.count)
    }
  }

  /// Channels over a half of a row, as far as it is scanned with the strip; y replaces u.
  private func scan(_ strip: Strip, row: Int, isSecond: Bool, _ channels: Range<Int>) {
    let half = isSecond ? second : first
    let span = scanned(strip, row, half.start, half.end)
    guard !span.columns.isEmpty else { return }
    let pitch = layout.innerPitch
    let positions = half.sequence(strip.index, span.row, span.columns.lowerBound)
    var arguments = evssm_scan_args(
      u: positions, u_stride: pitch, y: positions, y_stride: pitch,
      parameters: half.convolved(span.row, span.columns.lowerBound), parameters_stride: layout.parameterPitch,
      dt_weight: weights.dtProjection, dt_bias: weights.dtBias, a: weights.decay, d: weights.skip, state: state,
      positions: span.columns.count, rank: stage.rank, pitch: pitch, first: channels.lowerBound, count: channels.count)
    if isReduced {
      kernels.pointee.scan_reduced(&arguments)
    } else {
      kernels.pointee.scan(&arguments)
    }
  }
}
