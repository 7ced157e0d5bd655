import ExecutionPlan
import JSON
import PlanRuntime
import Tensors

/// A run's phases in the Trace Event Format, which chrome://tracing and ui.perfetto.dev show: a row a worker, on it the
/// steps, on those the phases, with the waits at their ends.
struct ChromeTrace {
  let steps: [Step]
  let multiplyAdds: [Int]
  let bytesMoved: [Int]
  let trace: RunTrace

  var json: JSONValue {
    let lists = (0..<trace.workerCount).map(trace.phases)
    let origin = lists.compactMap { $0.first?.began }.min() ?? 0
    var events: [JSONValue] = []
    for (worker, phases) in lists.enumerated() {
      let title: JSONValue = ["name": .string("worker \(worker)")]
      events.append(["name": "thread_name", "ph": "M", "pid": 1, "tid": .integer(worker), "args": title])
      for group in Self.groups(phases) { events.append(step(phases[group], worker, origin)) }
      for phase in phases {
        events.append(Self.event("work", phase.began, phase.worked, worker, origin))
        events.append(Self.event("wait", phase.worked, phase.ended, worker, origin))
      }
    }
    let dropped: JSONValue = ["dropped": .integer(trace.droppedCount)]
    return ["traceEvents": .array(events), "displayTimeUnit": "ms", "otherData": dropped]
  }

  /// Ranges of phases of one step.
  private static func groups(_ phases: [RunTrace.Phase]) -> [Range<Int>] {
    var out: [Range<Int>] = []
    for index in phases.indices {
      if let last = out.last, phases[last.lowerBound].step == phases[index].step {
        out[out.count - 1] = last.lowerBound..<index + 1
      } else {
        out.append(index..<index + 1)
      }
    }
    return out
  }

  private func step(_ phases: ArraySlice<RunTrace.Phase>, _ worker: Int, _ origin: UInt64) -> JSONValue {
    let (first, last) = (phases[phases.startIndex], phases[phases.endIndex - 1])
    return Self.event(
      steps[first.step].name, first.began, last.ended, worker, origin,
      ["macs": .integer(multiplyAdds[first.step]), "bytes": .integer(bytesMoved[first.step])])
  }

  /// Times in microseconds.
  private static func event(
    _ name: String, _ began: UInt64, _ ended: UInt64, _ worker: Int, _ origin: UInt64, _ details: JSONValue = [:]
  ) -> JSONValue {
    [
      "name": .string(name), "ph": "X", "pid": 1, "tid": .integer(worker),
      "ts": .number(Double(began - origin) / 1000), "dur": .number(Double(ended - began) / 1000), "args": details,
    ]
  }

  /// Writes the trace to `path`. The file appears only when it is complete.
  func write(to path: String) throws { try OutputFile.write(Array(json.text.utf8), to: path) }
}
