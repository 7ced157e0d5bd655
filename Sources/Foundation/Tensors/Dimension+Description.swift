extension Dimension: CustomStringConvertible {
  /// Such as `4*floor((H + 3)/4)`.
  package var description: String {
    if terms.isEmpty { return String(constant) }
    var text = ""
    for term in terms {
      let magnitude = term.coefficient.magnitude
      let factor = magnitude == 1 ? "" : "\(magnitude)*"
      let sign = term.coefficient < 0 ? (text.isEmpty ? "-" : " - ") : (text.isEmpty ? "" : " + ")
      text += sign + factor + term.key
    }
    if constant != 0 { text += constant < 0 ? " - \(constant.magnitude)" : " + \(constant)" }
    return text
  }
}

extension Dimension.Atom: CustomStringConvertible {
  package var description: String {
    switch self {
    case .symbol(let name): name
    case .floorQuotient(let dividend, let divisor):
      dividend.isSimple ? "floor(\(dividend)/\(divisor))" : "floor((\(dividend))/\(divisor))"
    case .maximum(let all): "max(" + all.map(\.description).joined(separator: ", ") + ")"
    case .product(let factors): factors.map(\.description).joined(separator: "*")
    case .minimum(let all): "min(" + all.map(\.description).joined(separator: ", ") + ")"
    }
  }
}

extension Dimension {
  fileprivate var isSimple: Bool { constant == 0 && terms.count == 1 && terms[0].coefficient == 1 }
}
