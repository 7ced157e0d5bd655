import GraphIR
import GraphRewriting
import Tensors

/// The state after one position of a scan that was written out.
struct ScanStep {
  var recurrence: Recurrence
  var position: Int

  /// Recognises the state after `position` in a sum. Nil when it has another structure.
  ///
  /// The state before is one that is known (`steps`) or, at the second position, the input of the first one: as the state begins
  /// with zeros, nothing else is left of it. Throws ``Mismatch`` when the sum is nearly a state.
  init?(_ field: Field, _ steps: [ValueID: ScanStep], _ evaluator: FieldEvaluator) throws {
    guard field.terms.count == 2, field.indices.count == 2,
      let kept = field.terms.first(where: { $0.factors.contains(where: \.isExponential) }),
      let added = field.terms.first(where: { !$0.factors.contains(where: \.isExponential) }),
      let decay = kept.factors.first(where: \.isExponential)
    else { return nil }
    let old = kept.factors.filter { !$0.isExponential }
    let at = Field.Term(factors: [decay]).positions
    guard old.count + 1 == kept.factors.count, at.count == 1, let position = at.first, position > 0 else { return nil }
    guard let decayed = Field.Term(factors: [decay]).moved(from: position), let driven = added.moved(from: position)
    else {
      throw Mismatch("a state is made of values of different positions")
    }
    var before: ScanStep?
    if old.count == 1, let value = old[0].chained {
      guard let step = steps[value], step.position + 1 == position, old[0].indices == field.indices else {
        throw Mismatch("a state does not follow the one of the position before")
      }
      before = step
    } else {
      let first = Field.Term(coefficient: kept.coefficient, factors: old, summed: kept.summed).moved(from: 0)
      guard position == 1, let first, first.factors.count == driven.factors.count,
        Set(first.factors) == Set(driven.factors), first.summed == driven.summed
      else { throw Mismatch("the state does not begin with zeros") }
    }
    let state = Field.Factor(leaf: .state, indices: field.indices)
    let keeps = Field.Term(coefficient: kept.coefficient, factors: decayed.factors + [state], summed: kept.summed)
    recurrence = try Recurrence(Field(axes: field.axes, terms: [keeps, driven]), evaluator)
    self.position = position
    guard before?.recurrence.isSame(as: recurrence) ?? true else {
      throw Mismatch("what is done differs from position to position")
    }
  }
}

extension Recurrence {
  func isSame(as other: Recurrence) -> Bool {
    u == other.u && delta == other.delta && b == other.b && statesAreFirst == other.statesAreFirst
      && decay.hasSameValues(as: other.decay)
  }
}

extension Raiser {
  /// The scan of which the fields are the results, position by position. Nil when they are something else.
  mutating func scan(of fields: [Field], _ evaluator: FieldEvaluator) throws -> ValueID? {
    guard let last = fields.last, let value = last.terms.lazy.flatMap(\.factors).compactMap(\.chained).first,
      let recurrence = scans.steps[value]?.recurrence
    else { return nil }
    let size = type(recurrence.u).shape
    guard try size[2].times(size[3]).known == fields.count else {
      throw Mismatch("the results that are put together are not those of all positions")
    }
    var first: Readout?
    for (position, field) in fields.enumerated() {
      let readout = try readout(field, position, recurrence, evaluator)
      guard first.map({ $0.c == readout.c && $0.skip.hasSameValues(as: readout.skip) }) ?? true else {
        throw Mismatch("what is read from the state differs from position to position")
      }
      first = readout
    }
    guard let first else { return nil }
    return try scan(recurrence, first)
  }

  private func readout(
    _ field: Field, _ position: Int, _ recurrence: Recurrence, _ evaluator: FieldEvaluator
  ) throws -> Readout {
    let terms = try field.terms.map { term -> Field.Term in
      guard let moved = stateNamed(term, position, recurrence).moved(from: position) else {
        throw Mismatch("a result of the scan is read from another position's values")
      }
      return moved
    }
    return try Readout(Field(axes: field.axes, terms: terms), state: .newState, recurrence, evaluator)
  }

  /// The term with the state after a position under its name: at the first position it is the input alone.
  private func stateNamed(_ term: Field.Term, _ position: Int, _ recurrence: Recurrence) -> Field.Term {
    var copy = term
    if let at = term.factors.firstIndex(where: { $0.chained != nil }) {
      guard let value = term.factors[at].chained, let step = scans.steps[value],
        step.position == position, step.recurrence.isSame(as: recurrence)
      else { return term }
      copy.factors[at].leaf = .newState
    } else if position == 0 {
      let input = [recurrence.u, recurrence.delta, recurrence.b]
      let places = input.compactMap { map in term.factors.firstIndex { $0.leaf == .mapAt(map, 0) } }
      guard Set(places).count == 3 else { return term }
      let (u, delta, b) = (term.factors[places[0]], term.factors[places[1]], term.factors[places[2]])
      guard u.indices == delta.indices, u.indices.count == 1, b.indices.count == 1 else { return term }
      copy.factors = term.factors.indices.filter { !places.contains($0) }.map { term.factors[$0] }
      let indices = recurrence.statesAreFirst ? b.indices + u.indices : u.indices + b.indices
      copy.factors.append(Field.Factor(leaf: .newState, indices: indices))
    }
    return copy
  }
}
