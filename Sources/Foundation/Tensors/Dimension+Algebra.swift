extension Dimension {
  /// The sum. Throws `size.overflow`, or `limit.exceeded` when the expression grows too large.
  package func plus(_ other: Dimension) throws -> Dimension {
    var merged: [Term] = []
    var left = terms[...]
    var right = other.terms[...]
    while let a = left.first, let b = right.first {
      if a.key < b.key {
        merged.append(left.removeFirst())
      } else if b.key < a.key {
        merged.append(right.removeFirst())
      } else {
        let coefficient = try Checked.add(a.coefficient, b.coefficient)
        if coefficient != 0 { merged.append(Term(atom: a.atom, coefficient: coefficient, key: a.key)) }
        left.removeFirst()
        right.removeFirst()
      }
    }
    return try Dimension(constant: Checked.add(constant, other.constant), terms: merged + left + right)
  }

  /// The product by a constant.
  package func times(_ factor: Int) throws -> Dimension {
    if factor == 0 { return 0 }
    let scaled = try terms.map {
      Term(atom: $0.atom, coefficient: try Checked.multiply($0.coefficient, factor), key: $0.key)
    }
    return try Dimension(constant: Checked.multiply(constant, factor), terms: scaled)
  }

  /// The difference.
  package func minus(_ other: Dimension) throws -> Dimension { try plus(other.times(-1)) }

  /// The quotient rounded down. Throws `size.divisor` unless `divisor` is positive.
  package func dividedRoundingDown(by divisor: Int) throws -> Dimension {
    guard divisor > 0 else {
      throw EVSSMError("size.divisor", "A size is divided by \(divisor); a divisor must be positive.")
    }
    if divisor == 1 { return self }
    let (whole, wholeRest) = Self.divide(constant, divisor)
    var quotient: [Term] = []
    var rest: [Term] = []
    for term in terms {
      let (q, r) = Self.divide(term.coefficient, divisor)
      if q != 0 { quotient.append(Term(atom: term.atom, coefficient: q, key: term.key)) }
      if r != 0 { rest.append(Term(atom: term.atom, coefficient: r, key: term.key)) }
    }
    let outside = try Dimension(constant: whole, terms: quotient)
    if rest.isEmpty { return outside }
    return try outside.plus(Self.quotient(Dimension(constant: wholeRest, terms: rest), divisor))
  }

  /// The quotient rounded up.
  package func dividedRoundingUp(by divisor: Int) throws -> Dimension {
    try plus(Dimension(Checked.subtract(divisor, 1))).dividedRoundingDown(by: divisor)
  }

  /// The size rounded up to a multiple.
  package func roundedUp(toMultipleOf multiple: Int) throws -> Dimension {
    try dividedRoundingUp(by: multiple).times(multiple)
  }

  /// The largest of the sizes. Throws when there is none.
  package static func maximum(_ sizes: [Dimension]) throws -> Dimension {
    try extremum(sizes, Swift.max) { .maximum($0) }
  }

  /// The smallest of the sizes. Throws when there is none.
  package static func minimum(_ sizes: [Dimension]) throws -> Dimension {
    try extremum(sizes, Swift.min) { .minimum($0) }
  }

  /// Quotient rounded down and the non-negative rest.
  private static func divide(_ value: Int, _ divisor: Int) -> (quotient: Int, rest: Int) {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }

  private static func quotient(_ dividend: Dimension, _ divisor: Int) throws -> Dimension {
    if dividend.terms.count == 1, dividend.terms[0].coefficient == 1,
      case .floorQuotient(let inner, let innerDivisor) = dividend.terms[0].atom
    {
      let carried = try Dimension(Checked.multiply(dividend.constant, innerDivisor))
      return try inner.plus(carried).dividedRoundingDown(by: Checked.multiply(innerDivisor, divisor))
    }
    return try Dimension(atom: .floorQuotient(dividend, divisor))
  }

  private static func extremum(
    _ sizes: [Dimension], _ pick: (Int, Int) -> Int, _ atom: ([Dimension]) -> Atom
  ) throws -> Dimension {
    var constants: [[Term]: Int] = [:]
    for size in sizes { constants[size.terms] = constants[size.terms].map { pick($0, size.constant) } ?? size.constant }
    let distinct = try constants.map { try Dimension(constant: $0.value, terms: $0.key) }
      .sorted { $0.description < $1.description }
    guard let first = distinct.first else {
      throw EVSSMError("size.empty", "The largest or smallest of no sizes is not defined.", category: .internal)
    }
    return distinct.count == 1 ? first : try Dimension(atom: atom(distinct))
  }
}
