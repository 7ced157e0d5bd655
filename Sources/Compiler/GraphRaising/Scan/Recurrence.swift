import GraphIR
import GraphRewriting
import Tensors

/// h(l) = exp(Δ(l)·A) ⊙ h(l−1) + Δ(l)·u(l)·B(l), read off a body.
struct Recurrence {
  var u, delta, b: ValueID
  /// (d, n)
  var decay: Tensor
  /// Of the state's axes that are longer than 1, the one of the states; the other one is that of the channels.
  var statesAreFirst: Bool

  /// Recognises the recurrence in the field of a new state. Throws ``Mismatch`` with what is not as it must be.
  init(_ field: Field, _ evaluator: FieldEvaluator) throws {
    let indices = field.indices
    guard indices.count == 2, field.terms.count == 2, field.terms.allSatisfy(\.summed.isEmpty) else {
      throw Mismatch("the state is not a sum of two products over channels and states")
    }
    guard let kept = field.terms.first(where: { $0.factors.contains { $0.leaf == .state } }),
      let added = field.terms.first(where: { !$0.factors.contains { $0.leaf == .state } })
    else { throw Mismatch("the new state does not consist of the old state and an input") }
    guard isClose(kept.coefficient, 1), kept.factors.count == 2,
      let state = kept.factors.first(where: { $0.leaf == .state }), state.indices == indices,
      let exponent = kept.factors.lazy.compactMap({ factor -> [Field.Term]? in
        if case .exponential(let terms) = factor.leaf { terms } else { nil }
      }).first, exponent.count == 1
    else { throw Mismatch("the old state is not multiplied by the exponential of one product") }
    let power = exponent[0]
    guard let step = power.factors.single(\.mapValue), step.indices.count == 1, power.summed.isEmpty,
      let channel = step.indices.first, let states = indices.first(where: { $0 != channel }), indices.contains(channel)
    else { throw Mismatch("the exponent is not Δ·A") }
    let rest = power.factors.filter { $0.mapValue == nil }
    decay = try Self.constant(rest, power.coefficient, channel, states, evaluator)
    guard case .map(let delta) = step.leaf else { throw Mismatch("the exponent is not Δ·A") }
    self.delta = delta
    statesAreFirst = indices[0] == states
    let maps = added.factors.compactMap { factor in factor.mapValue.map { ($0, factor.indices) } }
    guard isClose(added.coefficient, 1), maps.count == 3, added.factors.count == 3 else {
      throw Mismatch("the input of the state is not Δ·u·B")
    }
    let perChannel = maps.filter { $0.1 == [channel] }.map(\.0)
    let perState = maps.filter { $0.1 == [states] }.map(\.0)
    guard perState.count == 1, perChannel.count == 2, let at = perChannel.firstIndex(of: delta) else {
      throw Mismatch("the input of the state is not Δ·u·B")
    }
    u = perChannel[1 - at]
    b = perState[0]
  }

  /// The product of constants as a matrix (channels, states).
  static func constant(
    _ factors: [Field.Factor], _ coefficient: Double, _ channel: FieldIndex, _ states: FieldIndex,
    _ evaluator: FieldEvaluator
  ) throws -> Tensor {
    guard let rows = channel.size.known, let columns = states.size.known else { throw Mismatch("A has no known size") }
    var values = [Double](repeating: coefficient, count: rows * columns)
    for factor in factors {
      guard case .constant(let index) = factor.leaf else { throw Mismatch("A is not a constant") }
      let own = evaluator.constants[index].doubles()
      for row in 0..<rows {
        for column in 0..<columns {
          var at = 0
          for i in factor.indices {
            guard i == channel || i == states else { throw Mismatch("A has other indices than channels and states") }
            at = at * (i == channel ? rows : columns) + (i == channel ? row : column)
          }
          values[row * columns + column] *= own[at]
        }
      }
    }
    return try Tensor(shape: [rows, columns], doubles: values)
  }
}

/// y(l) = ⟨h(l), C(l)⟩ + D·u(l), read off what is given out.
struct Readout {
  var c: ValueID
  /// (d)
  var skip: Tensor

  init(_ field: Field, state leaf: Field.Leaf, _ recurrence: Recurrence, _ evaluator: FieldEvaluator) throws {
    let channels = field.indices.filter { !$0.isPosition }
    guard channels.count == 1, let count = channels[0].size.known else {
      throw Mismatch("what is read from the state is not one number a channel")
    }
    guard let main = field.terms.first(where: { $0.factors.contains { $0.leaf == leaf } }),
      let state = main.factors.first(where: { $0.leaf == leaf }), main.factors.count == 2, isClose(main.coefficient, 1)
    else { throw Mismatch("what is read from the state is not ⟨h, C⟩") }
    let own = state.indices.filter { !$0.isPosition }
    guard own.count == 2 else { throw Mismatch("the state has other indices than channels and states") }
    let (states, channel) = recurrence.statesAreFirst ? (own[0], own[1]) : (own[1], own[0])
    guard channel == channels[0], main.summed == [states],
      let map = main.factors.first(where: { $0.mapValue != nil }), map.indices == [states], let c = map.mapValue
    else { throw Mismatch("the state is not summed over its states with C") }
    self.c = c
    let direct = field.terms.filter { !$0.factors.contains { $0.leaf == leaf } }
    guard direct.count <= 1, direct.count + 1 == field.terms.count else {
      throw Mismatch("there is more in the result than ⟨h, C⟩ and D·u")
    }
    var values = [Double](repeating: 0, count: count)
    if let term = direct.first {
      guard term.factors.compactMap(\.mapValue) == [recurrence.u], term.summed.isEmpty else {
        throw Mismatch("there is more in the result than ⟨h, C⟩ and D·u")
      }
      values = [Double](repeating: term.coefficient, count: count)
      for factor in term.factors where factor.mapValue == nil {
        guard case .constant(let index) = factor.leaf, factor.indices == [channel] else {
          throw Mismatch("D is not a constant for each channel")
        }
        let own = evaluator.constants[index].doubles()
        for i in values.indices { values[i] *= own[i] }
      }
    }
    skip = try Tensor(shape: [count], doubles: values)
  }
}

extension Field.Factor {
  var mapValue: ValueID? { if case .map(let value) = leaf { value } else { nil } }
}

extension Sequence {
  /// The only element for which the property is not nil.
  fileprivate func single<Property>(_ property: (Element) -> Property?) -> Element? {
    let all = filter { property($0) != nil }
    return all.count == 1 ? all[0] : nil
  }
}
