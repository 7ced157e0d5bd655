import CKernels
import Synchronization

/// Phases in which each worker keeps to its own share, as lines that another core has written may be several hundred cycles away.
/// What is left of the others' shares is done by ``assist(_:tiles:worker:_:)``, by a worker that can go no further without it.
extension Team {
  /// About ten microseconds: longer than most tiles take, much shorter than a time slice.
  static let mostPolls = 512
  private static let leastPolls = 8

  /// Like ``phase(_:worker:overlapping:_:)``, but returns when the worker's own share is taken.
  @inline(__always)
  func share(_ tileCount: Int, worker: Int, overlapping: Int, _ body: (Int) -> Void) {
    let phase = enter(tileCount, worker: worker, overlapping: overlapping)
    let began = trace == nil ? 0 : RunControl.now()
    finish(phase, tiles: takeShare(worker, of: phase, tileCount, body), of: tileCount)
    if trace != nil { record(worker, began) }
  }

  /// A phase of chains of links. A chain's links are done in their order, each by one thread and with `body(chain, link)`; chains do
  /// not depend on each other. There must be another phase that is complete between two of these.
  ///
  /// Returns when no links are left that are the worker's own, or when the ones before them are not done for long.
  /// - Parameters:
  ///   - chainCount: at most ``ChainLinks/mostChains``.
  ///   - linkCount: links of a chain, at most 2^16.
  ///   - isOwn: whether the worker should do a link.
  @inline(__always)
  func chains(
    _ chainCount: Int, links linkCount: Int, worker: Int, overlapping: Int, isOwn: (_ chain: Int, _ link: Int) -> Bool,
    _ body: (_ chain: Int, _ link: Int) -> Void
  ) {
    let phase = enter(chainCount * linkCount, worker: worker, overlapping: overlapping)
    let began = trace == nil ? 0 : RunControl.now()
    let polls = 2 * positions.polls(worker)
    var done = 0
    pass: for link in 0..<linkCount {
      for chain in 0..<chainCount where isOwn(chain, link) {
        switch links.waitFor(link, of: chain, in: phase, polls: polls) {
        case .reached: if doLink(link, of: chain, in: phase, body) { done += 1 }
        case .passed: continue
        case .late: break pass
        }
      }
    }
    finish(phase, tiles: done, of: chainCount * linkCount)
    if trace != nil { record(worker, began) }
  }

  /// Before a phase that needs an earlier one complete: waits a little for the others, then takes what is left of their shares.
  /// - Parameter back: how many phases lie between the last one entered and the one that is meant.
  @inline(__always)
  func assist(_ back: Int, tiles tileCount: Int, worker: Int, _ body: (Int) -> Void) {
    guard let phase = incomplete(back, tileCount, worker) else { return }
    let began = trace == nil ? 0 : RunControl.now()
    var done = 0
    var isUntouched = false
    for step in 1..<count {
      let other = (worker + step) % count
      let taken = takeShare(other, of: phase, tileCount, body)
      if taken > 0, taken == share(other, of: tileCount).count { isUntouched = true }
      done += taken
    }
    // The other is likely off its processor: then this worker looks less long for it.
    positions.setPolls(isUntouched ? max(positions.polls(worker) / 4, Self.leastPolls) : Self.mostPolls, worker: worker)
    assisted(phase, tiles: done, of: tileCount, worker, began)
  }

  /// ``assist(_:tiles:worker:_:)`` for a phase of chains.
  @inline(__always)
  func assist(
    _ back: Int, chains chainCount: Int, links linkCount: Int, worker: Int, _ body: (_ chain: Int, _ link: Int) -> Void
  ) {
    guard let phase = incomplete(back, chainCount * linkCount, worker) else { return }
    let began = trace == nil ? 0 : RunControl.now()
    var done = 0
    var found = true
    while found {
      found = false
      for chain in 0..<chainCount {
        while let link = links.free(chain, in: phase), link < linkCount, doLink(link, of: chain, in: phase, body) {
          done += 1
          found = true
        }
      }
    }
    assisted(phase, tiles: done, of: chainCount * linkCount, worker, began)
  }

  @inline(__always)
  private func doLink(_ link: Int, of chain: Int, in phase: Int, _ body: (Int, Int) -> Void) -> Bool {
    guard links.take(link, of: chain, in: phase) else { return false }
    if !isStopped { body(chain, link) }
    links.finish(link, of: chain, in: phase)
    return true
  }

  /// The phase that is meant, unless it becomes complete while the worker is patient.
  private func incomplete(_ back: Int, _ tileCount: Int, _ worker: Int) -> Int? {
    let phase = positions.phase(worker) - back
    if count == 1 || positions.settled(worker) >= phase { return nil }
    if slots.isComplete(phase, tiles: tileCount) {
      positions.setPolls(Self.mostPolls, worker: worker)
      return nil
    }
    defer { if trace != nil { recordWait(worker) } }
    let polls = positions.polls(worker)
    for _ in 0..<polls {
      if slots.isComplete(phase, tiles: tileCount) {
        positions.setPolls(Self.mostPolls, worker: worker)
        return nil
      }
      evssm_spin_hint()
    }
    return phase
  }

  private func assisted(_ phase: Int, tiles: Int, of tileCount: Int, _ worker: Int, _ began: UInt64) {
    guard tiles > 0 else { return }
    finish(phase, tiles: tiles, of: tileCount)
    if trace != nil { record(worker, began) }
  }
}

/// How far each chain of a phase has come: the phase, the links done, and whether the next one is taken. Each beside the phase it
/// belongs to, so that a thread that comes late sees that it is over.
final class ChainLinks: Sendable {
  static let mostChains = 8
  private static let phaseShift = 20

  private let chains = CounterArray(count: mostChains)

  private static func value(_ phase: Int, _ link: Int, isTaken: Bool) -> Int {
    phase << phaseShift | link << 1 | (isTaken ? 1 : 0)
  }

  /// The value of a chain as `phase` sees it: no links done while the value is an earlier phase's, nil when it is a later one's.
  @inline(__always)
  private static func state(_ value: Int, in phase: Int) -> Int? {
    let current = value >> phaseShift
    return current == phase ? value : current < phase ? phase << phaseShift : nil
  }

  /// The chain's next link, if nobody is at it.
  @inline(__always)
  func free(_ chain: Int, in phase: Int) -> Int? {
    guard let state = Self.state(chains[chain].load(ordering: .acquiring), in: phase), state & 1 == 0 else {
      return nil
    }
    return (state & (1 << Self.phaseShift - 1)) >> 1
  }

  enum Progress { case reached, passed, late }

  /// Whether the chain comes to `link`, untaken, within so many looks.
  @inline(__always)
  func waitFor(_ link: Int, of chain: Int, in phase: Int, polls: Int) -> Progress {
    let wanted = Self.value(phase, link, isTaken: false)
    for _ in 0..<polls {
      guard let state = Self.state(chains[chain].load(ordering: .acquiring), in: phase), state <= wanted else {
        return .passed
      }
      if state == wanted { return .reached }
      evssm_spin_hint()
    }
    return .late
  }

  @inline(__always)
  func take(_ link: Int, of chain: Int, in phase: Int) -> Bool {
    let value = chains[chain].load(ordering: .acquiring)
    guard Self.state(value, in: phase) == Self.value(phase, link, isTaken: false) else { return false }
    return chains[chain].compareExchange(
      expected: value, desired: Self.value(phase, link, isTaken: true), ordering: .acquiringAndReleasing
    ).exchanged
  }

  @inline(__always)
  func finish(_ link: Int, of chain: Int, in phase: Int) {
    chains[chain].store(Self.value(phase, link + 1, isTaken: false), ordering: .releasing)
  }

  func reset() {
    for chain in 0..<Self.mostChains { chains[chain].store(0, ordering: .relaxed) }
  }
}
