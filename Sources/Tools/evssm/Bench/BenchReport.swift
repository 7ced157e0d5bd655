import ExecutionPlan
import JSON
import PlanRuntime
import Tensors

/// The figures of `evssm bench`.
struct BenchReport {
  let session: PlanSession
  let measurement: Measurement
  /// Multiply-adds of each step at this size.
  let stepMultiplyAdds: [Int]
  /// Bytes that each step must move.
  let stepBytes: [Int]
  /// Multiply-adds a second that the threads reach with nothing else to do.
  let peak: Double
  /// Time to open the plan: mapped, digests checked, validated.
  let openSeconds: Double

  private var multiplyAdds: Int { stepMultiplyAdds.reduce(0, +) }
  private var rate: Double { Double(multiplyAdds) / measurement.median }

  func json(profile: Bool) -> JSONValue {
    let bound = session.bound
    var members: [(name: String, value: JSONValue)] = [
      ("width", .integer(session.width)),
      ("height", .integer(session.height)),
      ("runs", .integer(measurement.seconds.count)),
      ("median_s", .number(measurement.median)),
      ("min_s", JSONValue(measurement.seconds.min())),
      ("max_s", JSONValue(measurement.seconds.max())),
      ("open_s", .number(openSeconds)),
      ("macs", .integer(multiplyAdds)),
      ("gmac_per_s", .number(rate * 1e-9)),
      ("peak_gmac_per_s", .number(peak * 1e-9)),
      ("fraction_of_peak", .number(rate / peak)),
      ("arena_bytes", .integer(bound.arenaByteCount)),
      ("arena_lower_bound_bytes", .integer(bound.lowerBoundByteCount)),
      ("arena_sum_bytes", .integer(bound.totalByteCount)),
      ("session_bytes", .integer(session.memoryByteCount)),
      ("weights_bytes", .integer(session.plan.weights.count)),
      ("allocations_per_run", .integer(measurement.allocationsPerRun)),
      ("peak_rss_bytes", JSONValue(ProcessMemory.peakResidentBytes)),
      ("threads", .integer(session.workers.count)),
      ("isa", .string(session.instructionSet.rawValue)),
      ("precision", .string(session.plan.plan.precision.rawValue)),
    ]
    if profile {
      members.append(("profiled_s", .number(measurement.profiledSeconds)))
      members.append(("steps", .array(session.plan.plan.steps.indices.map(step))))
    }
    return .object(members)
  }

  private func step(_ index: Int) -> JSONValue {
    let seconds = measurement.stepSeconds[index]
    return [
      "name": .string(session.plan.plan.steps[index].name),
      "seconds": .number(seconds),
      "macs": .integer(stepMultiplyAdds[index]),
      "gmac_per_s": .number(Double(stepMultiplyAdds[index]) * 1e-9 / seconds),
      "bytes": .integer(stepBytes[index]),
      "gb_per_s": .number(Double(stepBytes[index]) * 1e-9 / seconds),
      "share": .number(seconds / measurement.profiledSeconds),
    ]
  }

  func lines(profile: Bool) -> [String] {
    let seconds = measurement.seconds
    var table = TextTable(.left, .left)
    table.append("picture", "\(session.width)x\(session.height)")
    table.append("threads", "\(session.workers.count), \(session.instructionSet.rawValue)")
    table.append("precision", session.plan.plan.precision.summary)
    table.append(
      "time",
      "\(Format.fixed(measurement.median, 4)) s median of \(seconds.count) "
        + "(\(Format.fixed(seconds.min() ?? 0, 4)) to \(Format.fixed(seconds.max() ?? 0, 4)))")
    table.append("opened in", "\(Format.fixed(openSeconds * 1000, 1)) ms, digests checked")
    table.append("work", "\(Format.fixed(Double(multiplyAdds) * 1e-9, 2)) GMAC")
    table.append("rate", "\(Format.fixed(rate * 1e-9, 1)) GMAC/s, \(percent(rate / peak)) of the peak")
    table.append("peak", "\(Format.fixed(peak * 1e-9, 1)) GMAC/s, of float32, measured in this process")
    table.append(
      "arena",
      "\(Format.bytes(session.bound.arenaByteCount)), lower bound \(Format.bytes(session.bound.lowerBoundByteCount))")
    table.append("weights", Format.bytes(session.plan.weights.count))
    table.append("peak memory", ProcessMemory.peakResidentBytes.map(Format.bytes) ?? "unknown")
    table.append("allocations", "\(measurement.allocationsPerRun) a run")
    return table.lines() + (profile ? [""] + profileLines : [])
  }

  /// The steps of the run whose time is the median, and what is left of its wall time.
  private var profileLines: [String] {
    var table = TextTable([
      ("step", .left), ("seconds", .right), ("GMAC/s", .right), ("moved", .right), ("GB/s", .right), ("share", .right),
    ])
    func append(_ name: String, _ seconds: Double, _ work: Int, _ bytes: Int) {
      table.append(
        name, Format.fixed(seconds, 5), Format.fixed(Double(work) * 1e-9 / seconds, 1), Format.bytes(bytes),
        Format.fixed(Double(bytes) * 1e-9 / seconds, 1), percent(seconds / measurement.profiledSeconds))
    }
    for (index, step) in session.plan.plan.steps.enumerated() {
      append(EVSSMError.escaped(step.name), measurement.stepSeconds[index], stepMultiplyAdds[index], stepBytes[index])
    }
    let total = measurement.stepSeconds.reduce(0, +)
    append("all steps", total, multiplyAdds, stepBytes.reduce(0, +))
    let rest = measurement.profiledSeconds - total
    table.append(
      "before and behind them", Format.fixed(rest, 5), "", "", "", percent(rest / measurement.profiledSeconds))
    return table.lines()
  }

  private func percent(_ fraction: Double) -> String { Format.fixed(100 * fraction, 1) + " %" }
}
