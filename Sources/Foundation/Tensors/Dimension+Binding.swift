/// Concrete sizes for the symbols of a graph.
package typealias SymbolSizes = [String: Int]

extension Dimension {
  /// The value for the given symbols. Throws `size.unbound` for a symbol without a size and `size.overflow`.
  package func bound(_ sizes: SymbolSizes) throws -> Int {
    try terms.reduce(constant) { sum, term in
      try Checked.add(sum, Checked.multiply(term.coefficient, term.atom.bound(sizes)))
    }
  }

  /// The symbols that the expression depends on.
  package var symbols: Set<String> { terms.reduce(into: []) { $0.formUnion($1.atom.symbols) } }
}

extension Dimension.Atom {
  // The recursion is bounded by `Limits.maxDimensionDepth`.
  fileprivate func bound(_ sizes: SymbolSizes) throws -> Int {
    switch self {
    case .symbol(let name):
      guard let size = sizes[name] else {
        throw EVSSMError("size.unbound", "The size \(EVSSMError.escaped(name)) is not known.", category: .internal)
      }
      return size
    case .floorQuotient(let dividend, let divisor):
      let (quotient, rest) = try dividend.bound(sizes).quotientAndRemainder(dividingBy: divisor)
      return rest < 0 ? quotient - 1 : quotient
    case .maximum(let all): return try all.map { try $0.bound(sizes) }.reduce(Int.min, Swift.max)
    case .minimum(let all): return try all.map { try $0.bound(sizes) }.reduce(Int.max, Swift.min)
    case .product(let factors): return try Checked.product(factors.map { try $0.bound(sizes) })
    }
  }

  fileprivate var symbols: Set<String> {
    switch self {
    case .symbol(let name): [name]
    case .floorQuotient(let dividend, _): dividend.symbols
    case .product(let factors): factors.reduce(into: []) { $0.formUnion($1.symbols) }
    case .maximum(let all), .minimum(let all): all.reduce(into: []) { $0.formUnion($1.symbols) }
    }
  }
}
