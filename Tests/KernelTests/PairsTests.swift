import CKernels
import Testing

/// Sums of bfloat16 pairs are defined to the bit, docs/precision.md: the processor's instruction and every emulation of it
/// give what plain arithmetic gives.
@Suite("sums of pairs")
struct PairsTests {
  private static let problems = [
    PairProblem(rows: 13, width: 48, depth: 48), PairProblem(rows: 9, width: 80, depth: 20, bias: false),
    PairProblem(rows: 30, width: 16, depth: 6),
    PairProblem(rows: 5, width: 208, depth: 96, epilogue: EVSSM_EPILOGUE_ADD),
    PairProblem(rows: 14, width: 32, depth: 34, epilogue: EVSSM_EPILOGUE_ADD, isRounded: true),
  ]

  /// Exponents of the values: around 1, and so small and large that products leave float32 on both sides.
  enum Spread: CaseIterable {
    case moderate, extreme
    var exponents: ClosedRange<Int> { self == .moderate ? -12...12 : -126...100 }
  }

  @Test("are the same bits as by definition", arguments: InstructionSet.available, Spread.allCases)
  func sameBits(_ set: InstructionSet, _ spread: Spread) throws {
    let kernels = try #require(set.kernels)
    // Without fused multiply-adds, products that leave float32's range do so before they are added.
    if spread == .extreme && !set.isFused { return }
    for (seed, problem) in Self.problems.enumerated() {
      var randomness = Randomness(seed)
      let values = { (count: Int) in (0..<count).map { _ in Self.value(spread, &randomness) } }
      let a = BFloat16.words(values(problem.segmentLength))
      let b = values(problem.depth * problem.width)
      let bias = values(problem.width), addend = values(problem.rows * problem.cStride)
      let inputs = [a, KernelCase.packed(b, problem), bias, addend].map { GuardedBuffer($0, pattern: 0x7fc0_1111) }
      let c = [Float](repeating: 0, count: problem.rows * problem.cStride)
      let outputs = [c, BFloat16.words(c)].map { GuardedBuffer($0, pattern: 0x7fc0_2222) }
      KernelCase.run(
        problem, kernels, inputs.map { UnsafePointer($0.pointer) }, outputs.map(\.pointer), 0..<problem.rows)
      let got = problem.isRounded ? BFloat16.values(outputs[1].values) : outputs[0].values
      let wrong = Self.firstWrong(problem, got, a: BFloat16.values(a), b: b, bias: bias, addend: addend)
      #expect(wrong == nil, "\(problem)")
    }
  }

  private static func value(_ spread: Spread, _ randomness: inout Randomness) -> Float {
    let significand = Float.random(in: 1..<2, using: &randomness)
    let value =
      significand * Float(sign: .plus, exponent: Int.random(in: spread.exponents, using: &randomness), significand: 1)
    // One in 64 is subnormal, and counts as zero.
    if UInt8.random(in: 0..<64, using: &randomness) == 0 { return 0x1p-130 }
    return Bool.random(using: &randomness) ? value : -value
  }

  private static func firstWrong(
    _ problem: PairProblem, _ got: [Float], a: [Float], b: [Float], bias: [Float], addend: [Float]
  ) -> String? {
    let b = b.map { BFloat16.value(BFloat16.bits($0)) }
    for m in 0..<problem.rows {
      for n in 0..<problem.width {
        var sum = problem.bias ? bias[n] : 0
        for k in stride(from: 0, to: problem.depth, by: 2) {
          for half in [1, 0] {
            let left = a[m * problem.aStride + k + half], right = b[(k + half) * problem.width + n]
            sum = flushed(flushed(sum).addingProduct(left, right))
          }
        }
        let at = problem.place(m) + n
        if problem.epilogue == EVSSM_EPILOGUE_ADD { sum = flushed(flushed(addend[at]) + sum) }
        if problem.isRounded { sum = BFloat16.value(BFloat16.bits(sum)) }
        if got[at].bitPattern != sum.bitPattern && !(got[at].isNaN && sum.isNaN) {
          return "row \(m), column \(n): \(got[at]), not \(sum)"
        }
      }
    }
    return nil
  }

  private static func flushed(_ x: Float) -> Float { x.isSubnormal ? Float(signOf: x, magnitudeOf: 0) : x }

  @Test("leave the processor's floating-point mode as it was", arguments: InstructionSet.available)
  func restoresTheMode(_ set: InstructionSet) throws {
    let kernels = try #require(set.kernels)
    let problem = Self.problems[0]
    let zeros = [Float](repeating: 0, count: 8192)
    let inputs = (0..<4).map { _ in GuardedBuffer(zeros, pattern: 0) }
    let outputs = (0..<2).map { _ in GuardedBuffer(zeros, pattern: 0) }
    KernelCase.run(problem, kernels, inputs.map { UnsafePointer($0.pointer) }, outputs.map(\.pointer), 0..<problem.rows)
    var tiny = Float.leastNormalMagnitude
    withUnsafeMutablePointer(to: &tiny) { $0.pointee /= Float(inputs.count) }
    #expect(tiny > 0)
  }
}

extension InstructionSet {
  /// Whether vec_fma rounds once.
  var isFused: Bool {
    #if arch(x86_64)
      isa != EVSSM_ISA_BASELINE
    #else
      true
    #endif
  }
}
