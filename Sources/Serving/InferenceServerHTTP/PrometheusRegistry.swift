import CoreMetrics
import InferenceServer
import Synchronization

/// Keeps what is counted through swift-metrics, and writes it in Prometheus' text format.
package final class PrometheusRegistry: MetricsFactory, Sendable {
  /// A metric by name and labels.
  private struct Key: Hashable {
    let name: String
    let labels: [String]
  }

  private struct State {
    var counters: [Key: PrometheusCell] = [:]
    var gauges: [Key: PrometheusCell] = [:]
    var timers: [Key: PrometheusCell] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  private func cell(
    _ path: WritableKeyPath<State, [Key: PrometheusCell]> & Sendable, _ label: String, _ dimensions: [(String, String)]
  ) -> PrometheusCell {
    let name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "_" })
    let key = Key(name: name, labels: dimensions.flatMap { [$0.0, $0.1] })
    return state.withLock { state in
      if let cell = state[keyPath: path][key] { return cell }
      let cell = PrometheusCell()
      state[keyPath: path][key] = cell
      return cell
    }
  }

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    cell(\.counters, label, dimensions)
  }

  package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    aggregate ? cell(\.timers, label, dimensions) : cell(\.gauges, label, dimensions)
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    cell(\.timers, label, dimensions)
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    cell(\.gauges, label, dimensions)
  }

  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}

  /// Writes everything that was counted.
  package func write(to text: inout PrometheusText) {
    let (counters, gauges, timers) = state.withLock { ($0.counters, $0.gauges, $0.timers) }
    Self.write(counters, .counter, &text) { name, labels, cell, text in text.sample(name, labels, cell.figures.sum) }
    Self.write(gauges, .gauge, &text) { name, labels, cell, text in text.sample(name, labels, cell.figures.last) }
    Self.write(timers, .summary, &text) { name, labels, cell, text in
      text.sample("\(name)_sum", labels, cell.figures.sum)
      text.sample("\(name)_count", labels, Double(cell.figures.count))
    }
  }

  private static func write(
    _ cells: [Key: PrometheusCell], _ kind: PrometheusText.Kind, _ text: inout PrometheusText,
    _ sample: (String, [(String, String)], PrometheusCell, inout PrometheusText) -> Void
  ) {
    let groups = Dictionary(grouping: cells) { $0.key.name }
    for (name, members) in groups.sorted(by: { $0.key < $1.key }) {
      text.metric(name, kind, "As counted through swift-metrics")
      for (key, cell) in members.sorted(by: { $0.key.labels.lexicographicallyPrecedes($1.key.labels) }) {
        let labels = stride(from: 0, to: key.labels.count, by: 2).map { (key.labels[$0], key.labels[$0 + 1]) }
        sample(name, labels, cell, &text)
      }
    }
  }
}

/// One metric's figures.
final class PrometheusCell: CounterHandler, RecorderHandler, TimerHandler, MeterHandler, Sendable {
  struct Figures: Sendable {
    var sum = 0.0
    var count = 0
    var last = 0.0
  }

  private let state = Mutex(Figures())

  var figures: Figures { state.withLock { $0 } }

  private func add(_ value: Double) {
    state.withLock {
      $0.sum += value
      $0.count += 1
      $0.last = value
    }
  }

  func increment(by amount: Int64) { add(Double(amount)) }
  func increment(by amount: Double) { state.withLock { $0.last += amount } }
  func decrement(by amount: Double) { state.withLock { $0.last -= amount } }
  func set(_ value: Int64) { add(Double(value)) }
  func set(_ value: Double) { add(value) }
  func record(_ value: Int64) { add(Double(value)) }
  func record(_ value: Double) { add(value) }
  func recordNanoseconds(_ duration: Int64) { add(Double(duration) * 1e-9) }
  func reset() { state.withLock { $0 = Figures() } }
}
