/// Published limits on input from outside. Each has a name, which an error that quotes it carries in
/// ``EVSSMError/limit``.
package enum Limits {
  package static let maxFileBytes = 16 << 30
  package static let maxTensorCount = 262_144
  package static let maxRank = 8
  package static let maxDimension = 1 << 40
  /// Nesting of a symbolic size: a quotient or maximum inside a quotient or maximum, and so on.
  package static let maxDimensionDepth = 32
  /// Terms of one symbolic size.
  package static let maxDimensionTerms = 256
  /// Factors of one term of a symbolic size.
  package static let maxDimensionFactors = 32

  /// Bytes that a file of `fileBytes` may expand to in memory: twice the file plus 1 GiB.
  package static func maxMaterialisedBytes(fileBytes: Int) -> Int {
    let (doubled, over) = fileBytes.multipliedReportingOverflow(by: 2)
    if over { return Int.max }
    let (sum, overflow) = doubled.addingReportingOverflow(1 << 30)
    return overflow ? Int.max : sum
  }

  /// Throws if `value` is over `maximum`.
  /// - Parameter name: the published name, such as `max_tensor_count`.
  package static func check(
    _ value: Int, atMost maximum: Int, name: String, _ what: String, place: EVSSMError.Place = .init()
  ) throws {
    if value > maximum {
      throw EVSSMError(
        "limit.exceeded", "\(what) is \(value), over the limit of \(maximum).", place: place, limit: name)
    }
  }
}
