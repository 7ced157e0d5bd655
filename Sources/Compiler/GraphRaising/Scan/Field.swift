import GraphIR
import Tensors

/// An index that runs along an axis, such as a scan's channels or states.
struct FieldIndex: Sendable, Hashable {
  var id: Int
  var size: Dimension

  static func row(_ size: Dimension) -> FieldIndex { FieldIndex(id: -1, size: size) }
  static func column(_ size: Dimension) -> FieldIndex { FieldIndex(id: -2, size: size) }
  var isPosition: Bool { id < 0 }
}

/// A tensor as a sum of products of what it is made from, each read at named indices: the form in which the ways to write
/// a scan's recurrence can be compared.
struct Field: Sendable, Hashable {
  struct Term: Sendable, Hashable {
    var coefficient = 1.0
    var factors: [Factor] = []
    /// Indices that are summed over.
    var summed: Set<FieldIndex> = []
  }

  indirect enum Leaf: Sendable, Hashable {
    /// A raised map; one index, its channel.
    case map(ValueID)
    /// A raised map at one position, in row-major order; one index, its channel.
    case mapAt(ValueID, Int)
    /// The state after a position, where a loop was written out; an index for each axis.
    case chain(ValueID)
    /// A constant of the source graph, by its place in ``FieldEvaluator/constants``; an index for each long axis.
    case constant(Int)
    /// e to the power of a sum.
    case exponential([Term])
    /// The state before a position; an index for each axis.
    case state
    /// The state after it.
    case newState
    /// The states of a recurrence at all positions.
    case states(ValueID)
  }

  struct Factor: Sendable, Hashable {
    var leaf: Leaf
    var indices: [FieldIndex]
  }

  /// The indices along each axis, the slowest first; none for an axis of size 1.
  var axes: [[FieldIndex]]
  var terms: [Term]
}

extension Field {
  var indices: [FieldIndex] { axes.flatMap { $0 } }

  func renamed(_ names: [FieldIndex: FieldIndex]) -> Field {
    Field(
      axes: axes.map { $0.map { names[$0] ?? $0 } },
      terms: terms.map { $0.renamed(names) })
  }

  func reshaped(to shape: [Dimension]) throws -> Field? {
    var rest = indices[...]
    var out: [[FieldIndex]] = []
    for size in shape {
      var need = size
      var taken: [FieldIndex] = []
      while need != 1 {
        guard let index = rest.first, let left = try need.dividedExactly(by: index.size) else { return nil }
        taken.append(rest.removeFirst())
        need = left
      }
      out.append(taken)
    }
    return rest.isEmpty ? Field(axes: out, terms: terms) : nil
  }
}

extension Field.Term {
  func renamed(_ names: [FieldIndex: FieldIndex]) -> Field.Term {
    Field.Term(
      coefficient: coefficient,
      factors: factors.map { factor in
        var copy = factor
        copy.indices = factor.indices.map { names[$0] ?? $0 }
        if case .exponential(let terms) = factor.leaf { copy.leaf = .exponential(terms.map { $0.renamed(names) }) }
        return copy
      }, summed: Set(summed.map { names[$0] ?? $0 }))
  }

  func times(_ other: Field.Term) -> Field.Term {
    Field.Term(
      coefficient: coefficient * other.coefficient, factors: factors + other.factors,
      summed: summed.union(other.summed))
  }
}
