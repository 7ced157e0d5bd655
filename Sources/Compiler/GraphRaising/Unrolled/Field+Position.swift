import GraphIR
import Tensors

// Scans whose loop was written out: what is done at each position is a field of maps read at that position.

extension Field {
  /// The axis that runs over all positions row by row; nil when there is none, or positions elsewhere too.
  var positionAxis: Int? {
    let with = axes.indices.filter { axes[$0].contains(where: \.isPosition) }
    guard with.count == 1, let axis = with.first, axes[axis].allSatisfy(\.isPosition),
      axes[axis].map(\.id) == axes[axis].map(\.id).sorted(by: >)
    else { return nil }
    return axis
  }

  /// The field at one position, which takes up no axis any more: that axis is of size 1.
  func at(_ position: Int, axis: Int) -> Field? {
    guard let moved = Self.at(position, terms) else { return nil }
    var copy = axes
    copy[axis] = []
    return Field(axes: copy, terms: moved)
  }

  private static func at(_ position: Int, _ terms: [Term]) -> [Term]? {
    var out: [Term] = []
    for term in terms {
      guard !term.summed.contains(where: \.isPosition) else { return nil }
      var copy = term
      for (index, factor) in term.factors.enumerated() {
        switch factor.leaf {
        case .map(let value): copy.factors[index].leaf = .mapAt(value, position)
        case .exponential(let inner):
          guard let moved = at(position, inner) else { return nil }
          copy.factors[index].leaf = .exponential(moved)
        case .constant: continue
        case .mapAt, .chain, .state, .newState, .states: return nil
        }
      }
      out.append(copy)
    }
    return out
  }
}

extension Field.Factor {
  var isExponential: Bool { if case .exponential = leaf { true } else { false } }
  var chained: ValueID? { if case .chain(let value) = leaf { value } else { nil } }
  var place: (map: ValueID, position: Int)? {
    if case .mapAt(let map, let position) = leaf { (map, position) } else { nil }
  }
}

extension Field.Term {
  /// The positions at which maps are read.
  var positions: Set<Int> {
    var found: Set<Int> = []
    for factor in factors {
      if let place = factor.place { found.insert(place.position) }
      if case .exponential(let terms) = factor.leaf { for term in terms { found.formUnion(term.positions) } }
    }
    return found
  }

  /// The term as one of whole maps; nil unless all are read at this position.
  func moved(from position: Int) -> Field.Term? {
    var copy = self
    for (index, factor) in factors.enumerated() {
      switch factor.leaf {
      case .mapAt(let map, position): copy.factors[index].leaf = .map(map)
      case .exponential(let terms):
        let moved = terms.compactMap { $0.moved(from: position) }
        guard moved.count == terms.count else { return nil }
        copy.factors[index].leaf = .exponential(moved)
      case .mapAt: return nil
      case .constant, .newState: continue
      case .map, .chain, .state, .states: return nil
      }
    }
    return copy
  }
}
