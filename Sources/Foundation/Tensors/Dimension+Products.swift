extension Dimension {
  /// The product, multiplied out. Throws `size.overflow`, or `limit.exceeded` when the expression grows too large.
  ///
  /// - Complexity: O(n · m) for n and m terms.
  package func times(_ other: Dimension) throws -> Dimension {
    if let factor = other.known { return try times(factor) }
    if let factor = known { return try other.times(factor) }
    var sum = try other.times(constant)
    for term in terms {
      let shifted = try other.terms.map { try term.times($0) }.sorted { $0.key < $1.key }
      let tail = try Term(
        atom: term.atom, coefficient: Checked.multiply(term.coefficient, other.constant), key: term.key)
      sum = try sum.plus(Dimension(constant: 0, terms: shifted))
      if other.constant != 0 { sum = try sum.plus(Dimension(constant: 0, terms: [tail])) }
    }
    return sum
  }

  /// The product of all sizes; 1 for none.
  package static func product(_ sizes: some Sequence<Dimension>) throws -> Dimension {
    try sizes.reduce(1) { try $0.times($1) }
  }

  /// The quotient, if `divisor` divides the expression as a polynomial in its symbols; nil otherwise.
  ///
  /// - Complexity: O(n · m) for n terms of the quotient and m of the divisor.
  package func dividedExactly(by divisor: Dimension) throws -> Dimension? {
    guard let leading = divisor.leading else { return nil }
    var quotient: Dimension = 0
    var rest = self
    for _ in 0..<Limits.maxDimensionTerms {
      guard let term = rest.leading else { return quotient }
      guard let step = try term.divided(by: leading) else { return nil }
      quotient = try quotient.plus(step)
      rest = try rest.minus(step.times(divisor))
    }
    return nil
  }

  /// The term that comes first by degree, then by the factors' text; nil for zero.
  private var leading: Monomial? {
    let all = terms.map { Monomial(coefficient: $0.coefficient, factors: $0.atom.factors) }
    let constants = constant == 0 ? [] : [Monomial(coefficient: constant, factors: [])]
    return (all + constants).min { $0.precedes($1) }
  }
}

/// A multiple of a product of atoms, sorted by their text; none for a constant.
private struct Monomial {
  var coefficient: Int
  var factors: [Dimension.Atom]

  func precedes(_ other: Monomial) -> Bool {
    if factors.count != other.factors.count { return factors.count > other.factors.count }
    return factors.lazy.map(\.description).lexicographicallyPrecedes(other.factors.lazy.map(\.description))
  }

  func divided(by other: Monomial) throws -> Dimension? {
    guard other.coefficient != -1 || coefficient != Int.min, coefficient % other.coefficient == 0 else { return nil }
    var left = factors
    for factor in other.factors {
      guard let index = left.firstIndex(of: factor) else { return nil }
      left.remove(at: index)
    }
    let quotient = coefficient / other.coefficient
    guard !left.isEmpty else { return Dimension(quotient) }
    return try Dimension(atom: Dimension.Atom(product: left)).times(quotient)
  }
}

extension Dimension.Term {
  fileprivate func times(_ other: Dimension.Term) throws -> Dimension.Term {
    let factors = atom.factors + other.atom.factors
    try Limits.check(
      factors.count, atMost: Limits.maxDimensionFactors, name: "max_dimension_factors",
      "The number of factors in a size")
    let product = Dimension.Atom(product: factors)
    return Dimension.Term(
      atom: product, coefficient: try Checked.multiply(coefficient, other.coefficient), key: product.description)
  }
}

extension Dimension.Atom {
  /// The product of at least one atom.
  fileprivate init(product factors: [Dimension.Atom]) {
    let sorted = factors.sorted { $0.description < $1.description }
    self = sorted.count == 1 ? sorted[0] : .product(sorted)
  }

  fileprivate var factors: [Dimension.Atom] {
    if case .product(let factors) = self { return factors }
    return [self]
  }
}
