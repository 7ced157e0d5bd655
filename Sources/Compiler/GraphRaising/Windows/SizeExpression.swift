import Tensors

/// An integer that nodes compute from sizes and, inside a loop, from the number of the iteration, in a form in which equal
/// computations compare equal: a size plus multiples of what cannot be taken apart.
///
/// All quotients are those of numbers that are not negative.
struct SizeExpression: Sendable, Hashable {
  indirect enum Atom: Sendable, Hashable {
    case iteration
    /// Factors and their powers.
    case product([SizeExpression: Int])
    case quotient(SizeExpression, SizeExpression)
    case remainder(SizeExpression, SizeExpression)
    case minimum(Set<SizeExpression>)
    case maximum(Set<SizeExpression>)
  }

  private var size: Dimension
  /// Multiples other than 0.
  private var terms: [Atom: Int]

  init(_ size: Dimension) {
    self.size = size
    terms = [:]
  }

  private init(_ atom: Atom) {
    size = 0
    terms = [atom: 1]
  }

  /// The number of the iteration, from 0.
  static let iteration = SizeExpression(.iteration)

  /// The expression as a size; nil where it is more than that.
  var dimension: Dimension? { terms.isEmpty ? size : nil }

  // MARK: - Arithmetic. Everything throws what ``Dimension`` throws.

  func plus(_ other: SizeExpression) throws -> SizeExpression {
    var out = self
    out.size = try size.plus(other.size)
    for (atom, multiple) in other.terms {
      let sum = try Checked.add(out.terms[atom] ?? 0, multiple)
      out.terms[atom] = sum == 0 ? nil : sum
    }
    return out
  }

  func minus(_ other: SizeExpression) throws -> SizeExpression { try plus(other.times(-1)) }

  private func times(_ factor: Int) throws -> SizeExpression {
    if factor == 0 { return SizeExpression(0) }
    var out = self
    out.size = try size.times(factor)
    out.terms = try terms.mapValues { try Checked.multiply($0, factor) }
    return out
  }

  func times(_ other: SizeExpression) throws -> SizeExpression {
    if let factor = dimension?.known { return try other.times(factor) }
    if let factor = other.dimension?.known { return try times(factor) }
    if let a = dimension, let b = other.dimension { return SizeExpression(try a.times(b)) }
    return SizeExpression(.product([self: 1].merging([other: 1], uniquingKeysWith: +)))
  }

  func dividedRoundingDown(by other: SizeExpression) throws -> SizeExpression {
    if let divisor = other.dimension?.known, divisor > 0, let dividend = dimension {
      return SizeExpression(try dividend.dividedRoundingDown(by: divisor))
    }
    return SizeExpression(.quotient(self, other))
  }

  /// The quotient rounded up, written as one rounded down.
  func dividedRoundingUp(by other: SizeExpression) throws -> SizeExpression {
    try plus(other.minus(SizeExpression(1))).dividedRoundingDown(by: other)
  }

  func remainder(by other: SizeExpression) -> SizeExpression { SizeExpression(.remainder(self, other)) }

  static func minimum(_ a: SizeExpression, _ b: SizeExpression) throws -> SizeExpression {
    if let x = a.dimension, let y = b.dimension { return SizeExpression(try Dimension.minimum([x, y])) }
    return a == b ? a : SizeExpression(.minimum([a, b]))
  }

  static func maximum(_ a: SizeExpression, _ b: SizeExpression) throws -> SizeExpression {
    if let x = a.dimension, let y = b.dimension { return SizeExpression(try Dimension.maximum([x, y])) }
    return a == b ? a : SizeExpression(.maximum([a, b]))
  }
}

/// ``WindowGrid`` along one axis, for any size.
struct WindowAxis {
  /// Length of the windows, the last start, and the number of windows.
  let length, last, count: SizeExpression
  private let step: SizeExpression

  init(size: Dimension, side: Int) throws {
    let (size, one) = (SizeExpression(size), SizeExpression(1))
    length = try .minimum(size, SizeExpression(Dimension(side)))
    last = try size.minus(length)
    let gaps = try size.minus(one).dividedRoundingDown(by: length)
    step = try .maximum(last.dividedRoundingUp(by: .maximum(gaps, one)), one)
    count = try last.dividedRoundingUp(by: step).plus(one)
  }

  /// Where window `index` begins.
  func start(_ index: SizeExpression) throws -> SizeExpression { try .minimum(index.times(step), last) }
}
