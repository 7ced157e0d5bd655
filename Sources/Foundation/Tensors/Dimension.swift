/// The size of an axis as an expression over symbols such as `H` and `W`, in a canonical form:
/// two expressions built from the same sizes by the same steps compare equal.
///
/// The form is a constant plus integer multiples of distinct atoms or products of atoms, sorted. Whole multiples leave a quotient
/// (⌊(4q + 3)/4⌋ = q), nested quotients are merged (⌊⌊x/a⌋/b⌋ = ⌊x/ab⌋), and a quotient rounded up is written as one
/// rounded down, so that the halves and quarters of a padded size meet their doubles again.
package struct Dimension: Sendable, Hashable {
  /// What cannot be taken apart further.
  package indirect enum Atom: Sendable, Hashable {
    case symbol(String)
    /// The quotient rounded towards minus infinity; the divisor is at least 2.
    case floorQuotient(Dimension, Int)
    case maximum([Dimension])
    case minimum([Dimension])
    /// At least two atoms that are no products, sorted by their text.
    case product([Atom])
  }

  struct Term: Sendable, Hashable {
    var atom: Atom
    var coefficient: Int
    /// The atom's text: the order of the terms.
    var key: String
  }

  let constant: Int
  let terms: [Term]
  let depth: Int

  init(constant: Int, terms: [Term]) throws {
    self.constant = constant
    self.terms = terms
    depth = terms.map(\.atom.depth).max() ?? 0
    try Limits.check(
      terms.count, atMost: Limits.maxDimensionTerms, name: "max_dimension_terms", "The number of terms of a size")
    try Limits.check(
      depth, atMost: Limits.maxDimensionDepth, name: "max_dimension_depth", "The nesting of a symbolic size")
  }

  init(atom: Atom) throws {
    try self.init(constant: 0, terms: [Term(atom: atom, coefficient: 1, key: atom.description)])
  }

  /// A known size.
  package init(_ constant: Int) {
    self.constant = constant
    terms = []
    depth = 0
  }

  /// A size that is known when the graph is bound.
  package init(symbol: String) {
    constant = 0
    terms = [Term(atom: .symbol(symbol), coefficient: 1, key: symbol)]
    depth = 1
  }

  /// The size, if it does not depend on a symbol.
  package var known: Int? { terms.isEmpty ? constant : nil }

  /// The symbol's name, if the expression is one symbol and nothing else.
  package var symbol: String? {
    guard constant == 0, terms.count == 1, terms[0].coefficient == 1, case .symbol(let name) = terms[0].atom else {
      return nil
    }
    return name
  }
}

extension Dimension: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int) { self.init(value) }
}

extension Dimension.Atom {
  var depth: Int {
    switch self {
    case .symbol: 1
    case .floorQuotient(let dividend, _): dividend.depth + 1
    case .maximum(let all), .minimum(let all): (all.map(\.depth).max() ?? 0) + 1
    case .product(let factors): factors.map(\.depth).max() ?? 0
    }
  }
}
