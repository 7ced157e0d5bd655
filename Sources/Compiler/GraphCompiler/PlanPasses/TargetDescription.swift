import Foundation
import ExecutionPlan

/// What the schedule knows of the machine that a plan is for. A plan runs on any other as well; only its cuts are made
/// for this one.
package struct TargetDescription: Sendable, Hashable {
  /// Processor cores that run a plan together.
  package var cores: Int
  /// Bytes of each core's second-level cache.
  package var secondLevelBytes: Int
  /// Bytes of the cache that the cores share.
  package var thirdLevelBytes: Int

  /// By default two cores of a server processor of today.
  package init(cores: Int = 2, secondLevelBytes: Int = 1 << 20, thirdLevelBytes: Int = 32 << 20) {
    self.cores = cores
    self.secondLevelBytes = secondLevelBytes
    self.thirdLevelBytes = thirdLevelBytes
  }

  /// The description as a plan records it.
  var attributes: [ModelDescription.Attribute] {
    [
      .init(name: "target_cores", value: "\(cores)"),
      .init(name: "target_l2", value: "\(secondLevelBytes)"),
      .init(name: "target_l3", value: "\(thirdLevelBytes)"),
    ]
  }
}

/// A model of what it costs to keep a strip's buffers in a cache, and to change from phase to phase.
///
/// The figures are rough on purpose: they order choices, they predict no times.
struct CostModel {
  /// Cycles that a core loses when it changes to the next phase: waiting, and tiles that do not come out even.
  static let phaseCycles = 6000.0
  /// Share of a cache that strips may fill; weights and maps pass through the rest.
  static let usableShare = 0.75

  enum Level: String {
    case second = "second-level cache", third = "third-level cache", memory = "memory"
  }

  let target: TargetDescription

  private var secondLevelBytes: Double { Self.usableShare * Double(target.cores * target.secondLevelBytes) }

  /// Where buffers of so many bytes, spread over the cores, live.
  func level(_ bytes: Int) -> Level {
    if Double(bytes) <= secondLevelBytes { return .second }
    return Double(bytes) <= Self.usableShare * Double(target.thirdLevelBytes) ? .third : .memory
  }

  /// Cycles a byte that a core waits in spite of prefetching; behind the second level more with every doubling.
  func cyclesPerByte(_ bytes: Int) -> Double {
    let doublings = log2(max(Double(bytes) / secondLevelBytes, 1))
    return switch level(bytes) {
    case .second: 0.005
    case .third: 0.02 + 0.01 * doublings
    case .memory: 0.1 + 0.01 * doublings
    }
  }

  /// Cycles a pixel, for strips of `pixels` in `phases` phases, whose buffers are `bytes` large and of which each pixel
  /// moves `traffic` bytes.
  func cycles(pixels: Int, phases: Double, bytes: Int, traffic: Int) -> Double {
    Double(traffic) * cyclesPerByte(bytes) + phases * Self.phaseCycles * Double(target.cores) / Double(pixels)
  }
}
