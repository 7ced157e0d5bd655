/// Arithmetic on sizes that come from outside: every overflow is an error, never a trap.
package enum Checked {
  static func overflow(_ what: String) -> EVSSMError {
    EVSSMError("size.overflow", "\(what) does not fit in 63 bits: the sizes in this file or request are wrong.")
  }

  package static func add(_ a: Int, _ b: Int, _ what: String = "A sum of sizes") throws -> Int {
    let (sum, over) = a.addingReportingOverflow(b)
    if over { throw overflow(what) }
    return sum
  }

  package static func subtract(_ a: Int, _ b: Int, _ what: String = "A difference of sizes") throws -> Int {
    let (difference, over) = a.subtractingReportingOverflow(b)
    if over { throw overflow(what) }
    return difference
  }

  package static func multiply(_ a: Int, _ b: Int, _ what: String = "A product of sizes") throws -> Int {
    let (product, over) = a.multipliedReportingOverflow(by: b)
    if over { throw overflow(what) }
    return product
  }

  /// The product of all values; 1 for none. A zero factor does not hide an overflow of the others.
  package static func product(_ values: some Sequence<Int>, _ what: String = "A product of sizes") throws -> Int {
    var nonZero = 1
    var hasZero = false
    for value in values {
      if value == 0 { hasZero = true } else { nonZero = try multiply(nonZero, value, what) }
    }
    return hasZero ? 0 : nonZero
  }

  /// `value` rounded up to a multiple of `multiple` (at least 1); both non-negative.
  package static func roundUp(_ value: Int, to multiple: Int) throws -> Int {
    let remainder = value % multiple
    return remainder == 0 ? value : try add(value, multiple - remainder)
  }

  /// An unsigned 64-bit field of a file as an `Int`.
  package static func int(_ value: UInt64, _ what: String = "A size") throws -> Int {
    guard let value = Int(exactly: value) else { throw overflow(what) }
    return value
  }
}
