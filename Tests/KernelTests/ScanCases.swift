import CKernels
import Foundation

private struct ScanProblem: Sendable {
  var positions: Int
  var rank: Int
  var channels: Int
  var first = 0
  var count: Int
  /// u and y are one buffer.
  var inPlace = false
  /// Bounds of the time step's bias: large ones make decays that vanish.
  var stepBias: ClosedRange<Float> = -3...1
  /// Added to the label.
  var note = ""
  /// The last position is the first in memory.
  var reversed = false
  /// The kernel of plans in reduced precision.
  var isReduced = false

  var pitch: Int { channels.pitch }
  var stride: Int { pitch + 3 }
  var parameterStride: Int { rank + 16 + 5 }
}

extension KernelCase {
  static let scan = scanProblems.map { scan($0) }
  static let scanReduced = scanProblems.map { problem in
    var problem = problem
    problem.isReduced = true
    return scan(problem)
  }

  private static let scanProblems: [ScanProblem] =
    [0, 1, 2, 31, 32, 33, 70].map { ScanProblem(positions: $0, rank: 3, channels: 48, count: 48) }
    + [1, 6, 12, 64].map { ScanProblem(positions: 9, rank: $0, channels: 20, count: 32) }
    + [
      ScanProblem(positions: 40, rank: 3, channels: 96, first: 32, count: 48),
      ScanProblem(positions: 35, rank: 3, channels: 32, count: 0),
      ScanProblem(positions: 65, rank: 3, channels: 32, count: 32, inPlace: true),
      ScanProblem(positions: 37, rank: 3, channels: 32, count: 32, inPlace: true, reversed: true),
      ScanProblem(positions: 37, rank: 2, channels: 16, count: 16, stepBias: 20...120, note: "vanishing decays"),
      ScanProblem(positions: 37, rank: 2, channels: 16, count: 16, stepBias: -90...(-20), note: "tiny steps"),
    ]

  /// Inputs, in the order in which the kernel's arguments name them: u, parameters, dt_weight, dt_bias, a, d.
  private static func inputs(_ problem: ScanProblem, _ randomness: inout Randomness) -> [[Float]] {
    let padded = { (values: [Float]) in values + [Float](repeating: 0, count: problem.pitch - problem.channels) }
    return [
      randomness.pixels(problem.positions, channels: problem.channels, stride: problem.stride),
      randomness.values(problem.positions * problem.parameterStride),
      (0..<problem.rank).flatMap { _ in padded(randomness.values(problem.channels)) },
      padded(randomness.values(problem.channels, in: problem.stepBias)),
      (0..<8).flatMap { n in padded(randomness.values(problem.channels, in: Float(-2 * n - 3)...(-0.01))) },
      padded(randomness.values(problem.channels)),
    ]
  }

  private static func scan(_ problem: ScanProblem) -> KernelCase {
    var randomness = Randomness(problem.positions * 100 + problem.rank)
    let values = inputs(problem, &randomness)
    let state = randomness.values(8 * problem.pitch)
    let y = problem.inPlace ? values[0] : [Float](repeating: 8, count: values[0].count)
    let (expectedY, expectedState) = reference(problem, values, state)
    return KernelCase(
      kernel: problem.isReduced ? "scan_reduced" : "scan", label: label(problem), inputs: values, outputs: [y, state],
      expected: [expectedY, expectedState], length: problem.positions, run: { run(problem, $0, $1, $2, $3) })
  }

  private static func label(_ p: ScanProblem) -> String {
    "\(p.positions) positions, rank \(p.rank), channels \(p.first)+\(p.count) of \(p.channels)"
      + (p.inPlace ? ", in place" : "") + (p.reversed ? ", reversed" : "") + (p.note.isEmpty ? "" : ", \(p.note)")
  }

  private static func place(_ l: Int, _ problem: ScanProblem) -> Int {
    (problem.reversed ? problem.positions - 1 - l : l) * problem.stride
  }

  private static func reference(
    _ problem: ScanProblem, _ values: [[Float]], _ state: [Float]
  ) -> ([Expected?], [Expected?]) {
    var y = [Expected?](repeating: nil, count: values[0].count)
    var last = [Expected?](repeating: nil, count: state.count)
    let parameters = values[1]
    for c in problem.first..<(problem.first + problem.count) {
      var h = (0..<8).map { Expected(value: Double(state[$0 * problem.pitch + c]), error: 0) }
      for l in 0..<problem.positions {
        let row = l * problem.parameterStride
        let at = place(l, problem) + c
        let u = Double(values[0][at])
        let step = timeStep(problem, values, row: row, c: c)
        let input = step.multiplied(by: Expected(value: u, error: 0))
        var sum = Expected(value: Double(values[5][c]) * u, error: Rounding.bound(magnitude: 1, operations: 1))
        for n in 0..<8 {
          let decay = decay(step, a: Double(values[4][n * problem.pitch + c]), problem.isReduced)
          let b = Expected(value: Double(parameters[row + problem.rank + n]), error: 0)
          h[n] = decay.multiplied(by: h[n]).added(to: input.multiplied(by: b))
          let weight = Expected(value: Double(parameters[row + problem.rank + 8 + n]), error: 0)
          sum = sum.added(to: h[n].multiplied(by: weight))
        }
        y[at] = sum
      }
      for n in 0..<8 where problem.count > 0 { last[n * problem.pitch + c] = h[n] }
    }
    return (y, last)
  }

  private static func timeStep(_ problem: ScanProblem, _ values: [[Float]], row: Int, c: Int) -> Expected {
    let products = (0..<problem.rank).map {
      Double(values[2][$0 * problem.pitch + c]) * Double(values[1][row + $0])
    }
    let terms = products + [Double(values[3][c])]
    let step = Reference.softplus(
      .sum(terms.reduce(0, +), magnitude: terms.reduce(0) { $0 + abs($1) }, terms: problem.rank))
    return problem.isReduced ? Expected(value: step.value, error: step.error + 1e-4 * step.value) : step
  }

  /// 2^(step * a): 2e-7 of its own, 1e-6 where that is enough, and the exponent's error.
  private static func decay(_ step: Expected, a: Double, _ isReduced: Bool) -> Expected {
    let exponent = step.multiplied(by: Expected(value: a, error: 0))
    let value = exp2(exponent.value)
    let own = isReduced ? 1e-6 : 2e-7
    return Expected(
      value: value,
      error: value * (own + exponent.error * 0.7 * exp2(exponent.error)) + (isReduced ? 0x1p-119 : 0x1p-126))
  }

  private static func run(
    _ problem: ScanProblem, _ kernels: evssm_kernels, _ inputs: [UnsafePointer<Float>],
    _ outputs: [UnsafeMutablePointer<Float>], _ range: Range<Int>
  ) {
    let start = problem.positions == 0 ? 0 : place(min(range.lowerBound, problem.positions - 1), problem)
    let stride = problem.reversed ? -problem.stride : problem.stride
    let u = problem.inPlace ? UnsafePointer(outputs[0]) : inputs[0]
    var args = evssm_scan_args(
      u: u + start, u_stride: stride, y: outputs[0] + start, y_stride: stride,
      parameters: inputs[1] + range.lowerBound * problem.parameterStride, parameters_stride: problem.parameterStride,
      dt_weight: inputs[2], dt_bias: inputs[3], a: inputs[4], d: inputs[5], state: outputs[1],
      positions: range.count, rank: problem.rank, pitch: problem.pitch, first: problem.first, count: problem.count)
    if problem.isReduced { kernels.scan_reduced(&args) } else { kernels.scan(&args) }
  }
}
