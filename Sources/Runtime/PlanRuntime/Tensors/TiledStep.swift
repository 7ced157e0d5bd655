import CKernels
import Tensors

/// A step whose tiles do not depend on one another: a function of the tile's number.
final class TiledStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation: String
  let scratchByteCount: Int
  private let tileCount: Int
  private let body: (_ tile: Int, _ scratch: Floats) -> Void

  /// - Parameter tileCount: at most 2^28.
  init(
    name: String, operation: String, tileCount: Int, scratchByteCount: Int = 0,
    _ body: @escaping (_ tile: Int, _ scratch: Floats) -> Void
  ) {
    self.name = name
    self.operation = operation
    self.tileCount = tileCount
    self.scratchByteCount = scratchByteCount
    self.body = body
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    team.tiles(tileCount, worker: worker) { body($0, scratch) }
  }
}

/// Sums over neighbours in memory, eight at a time: in an order that does not depend on the number of threads.
enum Sums {
  /// The sum of `count` numbers, in double precision.
  static func sum(_ values: ConstFloats, _ count: Int) -> Double {
    folded(values, count) { $0 }
  }

  /// The sum of the squares of the differences from `mean`.
  static func squares(_ values: ConstFloats, _ count: Int, from mean: Double) -> Double {
    folded(values, count) { ($0 - mean) * ($0 - mean) }
  }

  @inline(__always)
  private static func folded(_ values: ConstFloats, _ count: Int, _ term: (SIMD8<Double>) -> SIMD8<Double>) -> Double {
    var sums = SIMD8<Double>.zero
    let whole = count / 8 * 8
    let bytes = UnsafeRawPointer(values)
    for i in Swift.stride(from: 0, to: whole, by: 8) {
      sums += term(SIMD8<Double>(bytes.loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self)))
    }
    var total = sums.sum()
    for i in whole..<count { total += term(SIMD8<Double>(repeating: Double(values[i])))[0] }
    return total
  }
}
