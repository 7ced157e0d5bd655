import Foundation
import Imaging
import PlanRuntime
import Tensors

/// Restores pictures one after the other; an error of one does not touch the others. Not reentrant.
final class PictureRunner: @unchecked Sendable {
  // Unchecked: a runner belongs to one job at a time; JobSlots orders what passes between jobs.
  private var sessions: SessionCache

  init(sessions: SessionCache) { self.sessions = sessions }

  /// Gives the memory of all sessions back.
  func forgetSessions() { sessions.removeAll() }

  /// - Parameter choice: how to cut the picture; nil to run it in one piece, without a budget.
  func run(_ item: RestorationItem, _ choice: TileChoice?) -> RestorationOutcome {
    RestorationOutcome.catching(item) { outcome in
      guard let choice else { return try restore(item, &outcome) }
      sessions.keepOnly(choice.grid)
      if choice.grid.isWhole { try restore(item, &outcome) } else { try restore(item, choice.grid, &outcome) }
    }
  }

  private func restore(_ item: RestorationItem, _ outcome: inout RestorationOutcome) throws {
    var source = try SourcePicture.read(path: item.input)
    if !item.needsPlanes, var samples = source.takeSamples() { return try restore(item, source, &samples, &outcome) }
    var picture = PictureData(taking: &source)
    let before = item.comparison == nil ? nil : picture
    (outcome.width, outcome.height) = (picture.width, picture.height)
    try timed(width: picture.width, height: picture.height, &outcome) { try $0.restore(&picture.planes) }
    let nonFinite = picture.planes.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
    if let before, let path = item.comparison {
      outcome.notes = picture.notes + (try picture.write(to: item.output))
      try before.writeComparison(with: picture, to: path)
    } else {
      outcome.notes = picture.notes + (try picture.writeLast(to: item.output))
    }
    outcome.note(nonFinite: nonFinite)
  }

  /// Restores a picture of 8 bits where its samples lie, which were taken from `source`.
  private func restore(
    _ item: RestorationItem, _ source: SourcePicture, _ samples: inout [UInt8], _ outcome: inout RestorationOutcome
  ) throws {
    (outcome.width, outcome.height) = (source.width, source.height)
    let nonFinite = try timed(width: source.width, height: source.height, &outcome) {
      try $0.restore(samples: &samples)
    }
    let result = try Picture(width: source.width, height: source.height, rgb: samples, alpha: source.alpha)
    outcome.notes = source.notes + (try result.write(to: item.output).map(\.rawValue))
    outcome.note(nonFinite: nonFinite)
  }

  /// Runs a session and notes how long that took. A large session is gone when this returns.
  private func timed<Result>(
    width: Int, height: Int, _ outcome: inout RestorationOutcome, _ body: (PlanSession) throws -> Result
  ) throws -> Result {
    defer { sessions.giveBackLarge() }
    let session = try sessions.session(width: width, height: height)
    let start = ContinuousClock.now
    let result = try body(session)
    outcome.seconds = (ContinuousClock.now - start).seconds
    return result
  }

  private func restore(_ item: RestorationItem, _ grid: TileGrid, _ outcome: inout RestorationOutcome) throws {
    let (rows, source) = try restoreRows(item, grid, &outcome)
    outcome.notes = source.notes + (try rows.write(alpha: source.alpha))
    outcome.note(nonFinite: rows.nonFiniteCount)
  }

  /// The restored rows, and what is left of the source: its samples are gone.
  private func restoreRows(
    _ item: RestorationItem, _ grid: TileGrid, _ outcome: inout RestorationOutcome
  ) throws -> (RestoredRows, (notes: [String], alpha: [UInt8]?)) {
    let source = try SourcePicture.read(path: item.input)
    (outcome.width, outcome.height, outcome.grid) = (source.width, source.height, grid)
    guard (source.width, source.height) == (grid.width, grid.height) else {
      throw EVSSMError("run.changed", "The file was changed while it was read. Run it again.", category: .inputOutput)
    }
    let session = try sessions.tiledSession(grid)
    var rows = try RestoredRows(width: source.width, height: source.height, path: item.output)
    let start = ContinuousClock.now
    try session.run(read: source.copyPlanes) { try rows.append($0, $1) }
    outcome.seconds = (ContinuousClock.now - start).seconds
    return (rows, (source.notes, source.alpha))
  }
}
