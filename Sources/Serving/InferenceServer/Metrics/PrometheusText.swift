/// Metrics in Prometheus' text format, version 0.0.4.
package struct PrometheusText: Sendable {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private var text = ""

  package init() {}

  package enum Kind: String, Sendable { case counter, gauge, histogram, summary }

  /// Begins a metric.
  package mutating func metric(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  /// A sample of the metric that was begun last.
  package mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
    let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    text += "\(name)\(labels.isEmpty ? "" : "{\(list)}") \(Self.number(value))\n"
  }

  package var bytes: [UInt8] { Array(text.utf8) }

  private static func number(_ value: Double) -> String {
    if let whole = Int64(exactly: value) { return String(whole) }
    return value.isNaN ? "NaN" : value == .infinity ? "+Inf" : value == -.infinity ? "-Inf" : "\(value)"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, character in
      switch character {
      case "\\": out += "\\\\"
      case "\"": out += "\\\""
      case "\n": out += "\\n"
      default: out.append(character)
      }
    }
  }
}
