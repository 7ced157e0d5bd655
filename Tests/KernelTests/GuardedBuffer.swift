/// A buffer between two guard zones of one bit pattern.
final class GuardedBuffer {
  static let zone = 96
  let count: Int
  private let pattern: UInt32
  private let base: UnsafeMutablePointer<Float>

  init(_ values: [Float], pattern: UInt32) {
    count = values.count
    self.pattern = pattern
    base = .allocate(capacity: values.count + 2 * Self.zone)
    base.initialize(repeating: Float(bitPattern: pattern), count: values.count + 2 * Self.zone)
    for (index, value) in values.enumerated() { base[Self.zone + index] = value }
  }

  deinit { base.deallocate() }

  var pointer: UnsafeMutablePointer<Float> { base + Self.zone }

  var bits: [UInt32] { (0..<count).map { pointer[$0].bitPattern } }

  var values: [Float] { (0..<count).map { pointer[$0] } }

  var guardsHold: Bool {
    (0..<Self.zone).allSatisfy {
      base[$0].bitPattern == pattern && base[Self.zone + count + $0].bitPattern == pattern
    }
  }
}
