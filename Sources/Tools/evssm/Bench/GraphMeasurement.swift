import ExecutionPlan
import JSON
import PlanRuntime
import Tensors

/// Times of repeated runs of a graph that runs node by node.
struct GraphMeasurement {
  /// Wall time of each run, in seconds, in order.
  let seconds: [Double]
  /// The run whose wall time is the median (the lower one of two): its time, and that of each of its steps.
  let profiledSeconds: Double
  let steps: [(name: String, operation: String, seconds: Double)]

  /// Runs `session` once to bind it and warm up, and `runs` times for the figures.
  init(_ session: TensorSession, _ inputs: [Tensor], runs: Int) throws {
    _ = try session.run(inputs)
    var seconds: [Double] = []
    var steps: [[(name: String, operation: String, seconds: Double)]] = []
    for _ in 0..<runs {
      let start = ContinuousClock.now
      _ = try session.run(inputs)
      seconds.append((ContinuousClock.now - start).seconds)
      steps.append(session.stepSeconds)
    }
    self.seconds = seconds
    let typical = seconds.indices.sorted { seconds[$0] < seconds[$1] }[(seconds.count - 1) / 2]
    profiledSeconds = seconds[typical]
    self.steps = steps[typical]
  }

  var median: Double { Measurement.median(seconds) }
}

/// The figures of `evssm bench` for a graph that runs node by node.
struct GraphBenchReport {
  let session: TensorSession
  let inputs: [Tensor]
  let measurement: GraphMeasurement
  let openSeconds: Double

  func json(profile: Bool) -> JSONValue {
    var members: [(name: String, value: JSONValue)] = [
      ("inputs", .array(inputs.map { JSONValue($0.shape) })),
      ("runs", .integer(measurement.seconds.count)),
      ("median_s", .number(measurement.median)),
      ("min_s", JSONValue(measurement.seconds.min())),
      ("max_s", JSONValue(measurement.seconds.max())),
      ("open_s", .number(openSeconds)),
      ("session_bytes", .integer(session.memoryByteCount)),
      ("weights_bytes", .integer(session.plan.weights.count)),
      ("peak_rss_bytes", JSONValue(ProcessMemory.peakResidentBytes)),
      ("threads", .integer(session.workers.count)),
      ("isa", .string(session.instructionSet.rawValue)),
    ]
    if profile {
      members.append(("profiled_s", .number(measurement.profiledSeconds)))
      members.append(
        (
          "steps",
          .array(
            measurement.steps.map { step in
              [
                "name": .string(step.name), "operation": .string(step.operation), "seconds": .number(step.seconds),
                "share": .number(step.seconds / measurement.profiledSeconds),
              ]
            })
        ))
    }
    return .object(members)
  }

  func lines(profile: Bool) -> [String] {
    let seconds = measurement.seconds
    var table = TextTable(.left, .left)
    table.append("inputs", inputs.map { ValueType(of: $0).description }.joined(separator: "; "))
    table.append("threads", "\(session.workers.count), \(session.instructionSet.rawValue)")
    table.append(
      "time",
      "\(Format.fixed(measurement.median, 4)) s median of \(seconds.count) "
        + "(\(Format.fixed(seconds.min() ?? 0, 4)) to \(Format.fixed(seconds.max() ?? 0, 4)))")
    table.append("opened in", "\(Format.fixed(openSeconds * 1000, 1)) ms")
    table.append("values", Format.bytes(session.memoryByteCount))
    table.append("weights", Format.bytes(session.plan.weights.count))
    table.append("peak memory", ProcessMemory.peakResidentBytes.map(Format.bytes) ?? "unknown")
    return table.lines() + (profile ? [""] + operationLines + [""] + stepLines : [])
  }

  /// What kinds of steps take the time, the most expensive first.
  private var operationLines: [String] {
    var totals: [String: (count: Int, seconds: Double)] = [:]
    for step in measurement.steps {
      let old = totals[step.operation] ?? (0, 0)
      totals[step.operation] = (old.count + 1, old.seconds + step.seconds)
    }
    var table = TextTable([("operation", .left), ("steps", .right), ("seconds", .right), ("share", .right)])
    for (operation, total) in totals.sorted(by: { ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key) }) {
      table.append(
        EVSSMError.escaped(operation), "\(total.count)", Format.fixed(total.seconds, 5), share(total.seconds))
    }
    return table.lines()
  }

  private var stepLines: [String] {
    var table = TextTable([("step", .left), ("operation", .left), ("seconds", .right), ("share", .right)])
    for step in measurement.steps {
      table.append(
        EVSSMError.escaped(step.name), EVSSMError.escaped(step.operation), Format.fixed(step.seconds, 5),
        share(step.seconds))
    }
    return table.lines()
  }

  private func share(_ seconds: Double) -> String {
    Format.fixed(100 * seconds / measurement.profiledSeconds, 1) + " %"
  }
}
