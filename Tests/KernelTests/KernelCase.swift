import CKernels
import Testing

/// What an output element must be: `value` within `error`, both in float64. A NaN asks for a NaN.
struct Expected: Sendable {
  let value: Double
  let error: Double

  /// A sum of `terms` products in float32, in any fixed order: the standard bound on its rounding error, for products
  /// whose absolute values add up to `magnitude`.
  static func sum(_ value: Double, magnitude: Double, terms: Int) -> Expected {
    Expected(value: value, error: Rounding.bound(magnitude: magnitude, operations: terms + 1))
  }

  func admits(_ got: Float) -> Bool {
    if value.isNaN { return got.isNaN }
    let narrowed = Float(value)
    if narrowed.isInfinite { return got == narrowed }
    return abs(Double(got) - value) <= error
  }
}

enum Rounding {
  /// Half a unit in the last place of 1.
  static let unit = 0x1p-24

  /// The error of `operations` roundings of values up to `magnitude`, subnormal results included.
  static func bound(magnitude: Double, operations: Int) -> Double {
    Double(operations) * (magnitude * unit * 1.01 + Double(Float.leastNonzeroMagnitude))
  }
}

/// One problem for one kernel: buffers, what must come out, and how to run a part of it.
///
/// Each of `inputs` and `outputs` is placed between guard zones. `expected` runs parallel to `outputs`; an element
/// without an expectation must keep its bits. An output in `halves` holds bfloat16 values, two to a float, and an
/// expectation for each.
struct KernelCase: Sendable, CustomTestStringConvertible {
  typealias Run = @Sendable (evssm_kernels, [UnsafePointer<Float>], [UnsafeMutablePointer<Float>], Range<Int>) -> Void

  let kernel: String
  let label: String
  let inputs: [[Float]]
  let outputs: [[Float]]
  let expected: [[Expected?]]
  /// Independent units (rows, pixels, positions) into which the problem can be cut, in order.
  let length: Int
  var halves: Set<Int> = []
  let run: Run

  /// The values of output `index`, whose words are `words`, as float32.
  func values(_ index: Int, _ words: [Float]) -> [Float] { halves.contains(index) ? BFloat16.values(words) : words }

  var testDescription: String { "\(kernel) \(label)" }

  /// Every case of every kernel.
  static let all: [KernelCase] =
    gemm + rmsNorm + layerNorm + depthwise + taps + scan + spectral + blend + halve + doubleRow + doubleProducts
    + map + dense + reduced
}

extension Int {
  /// Rounded up to a multiple of the lanes of a pixel.
  var pitch: Int { (self + Int(EVSSM_LANES) - 1) / Int(EVSSM_LANES) * Int(EVSSM_LANES) }
}
