import CKernels
import ExecutionPlan

/// Values that a matrix product reads: float32, or bfloat16 where the matrix is.
typealias Operand = UnsafeMutableRawPointer
typealias ConstHalves = UnsafePointer<UInt16>

extension PackedMatrix {
  var isRounded: Bool { element == .bfloat16 }

  /// The address `count` values of the matrix's type behind `operand`.
  func advance(_ operand: Operand, by count: Int) -> Operand { operand + count * element.byteCount }

  fileprivate var floats: ConstFloats { values.assumingMemoryBound(to: Float.self) }
  fileprivate var halves: ConstHalves { values.assumingMemoryBound(to: UInt16.self) }
}

extension UnsafeMutableRawPointer {
  fileprivate var floats: Floats { assumingMemoryBound(to: Float.self) }
  fileprivate var halves: UnsafeMutablePointer<UInt16> { assumingMemoryBound(to: UInt16.self) }
}

/// Each of these reads and writes what the matrix is made of; strides and sizes count values.
extension UnsafePointer<evssm_kernels> {
  /// out = operand · matrix, for `rows` rows of `inner` values.
  @inline(__always)
  func product(
    _ operand: Operand, stride: Int, inner: Int, _ matrix: PackedMatrix, into out: Floats, stride outStride: Int,
    rows: Int
  ) {
    if matrix.isRounded {
      let a = ConstHalves(operand.halves)
      var arguments = evssm_gemm_bf16_args(
        a: (a, nil, nil), a_stride: stride, segments: 1, segment_k: (inner + 1) & ~1, b: matrix.halves,
        bias: matrix.bias,
        c: out, c_stride: outStride, rounded: nil, rounded_stride: 0, addend: nil, addend_stride: 0, rows: rows,
        width: matrix.width, epilogue: EVSSM_EPILOGUE_STORE)
      pointee.gemm_bf16(&arguments)
    } else {
      var arguments = evssm_gemm_args(
        a: (ConstFloats(operand.floats), nil, nil), a_stride: stride, segments: 1, segment_k: inner, b: matrix.floats,
        bias: matrix.bias, c: out, c_stride: outStride, addend: nil, addend_stride: 0, rows: rows, width: matrix.width,
        epilogue: EVSSM_EPILOGUE_STORE)
      pointee.gemm(&arguments)
    }
  }

  /// gated ⊙ GELU(operand · matrix), for `rows` rows of `inner` values. Written over `gated` in float32, to `rounded` in
  /// bfloat16. Returns where it was written.
  @inline(__always)
  func gatedProduct(
    _ operand: Operand, stride: Int, inner: Int, _ matrix: PackedMatrix, gating gated: Floats, stride gatedStride: Int,
    rounded: Floats, rows: Int
  ) -> Operand {
    if matrix.isRounded {
      let a = ConstHalves(operand.halves)
      let out = Operand(rounded)
      var arguments = evssm_gemm_bf16_args(
        a: (a, nil, nil), a_stride: stride, segments: 1, segment_k: (inner + 1) & ~1, b: matrix.halves,
        bias: matrix.bias,
        c: nil, c_stride: 0, rounded: out.halves, rounded_stride: gatedStride, addend: gated,
        addend_stride: gatedStride,
        rows: rows, width: matrix.width, epilogue: EVSSM_EPILOGUE_GATE)
      pointee.gemm_bf16(&arguments)
      return out
    }
    var arguments = evssm_gemm_args(
      a: (ConstFloats(operand.floats), nil, nil), a_stride: stride, segments: 1, segment_k: inner, b: matrix.floats,
      bias: matrix.bias, c: gated, c_stride: gatedStride, addend: nil, addend_stride: 0, rows: rows,
      width: matrix.width,
      epilogue: EVSSM_EPILOGUE_GATE)
    pointee.gemm(&arguments)
    return Operand(gated)
  }

  /// out = addend + convolution of `rows` pixels that lie side by side. The kernel's `side` (1 or 3) rows of pixels
  /// start at `operand`, `rowPitch` apart; each is one segment of the product.
  @inline(__always)
  func convolution(
    _ operand: Operand, rowPitch: Int, side: Int, pitch: Int, _ matrix: PackedMatrix, into out: Floats,
    stride outStride: Int, rows: Int, addend: ConstFloats? = nil
  ) {
    let epilogue = addend == nil ? EVSSM_EPILOGUE_STORE : EVSSM_EPILOGUE_ADD
    if matrix.isRounded {
      let a = ConstHalves(operand.halves)
      var arguments = evssm_gemm_bf16_args(
        a: (a, a + rowPitch, a + 2 * rowPitch), a_stride: pitch, segments: side, segment_k: side * pitch,
        b: matrix.halves,
        bias: nil, c: out, c_stride: outStride, rounded: nil, rounded_stride: 0, addend: addend,
        addend_stride: outStride,
        rows: rows, width: matrix.width, epilogue: epilogue)
      pointee.gemm_bf16(&arguments)
    } else {
      let a = ConstFloats(operand.floats)
      var arguments = evssm_gemm_args(
        a: (a, a + rowPitch, a + 2 * rowPitch), a_stride: pitch, segments: side, segment_k: side * pitch,
        b: matrix.floats,
        bias: nil, c: out, c_stride: outStride, addend: addend, addend_stride: outStride, rows: rows,
        width: matrix.width,
        epilogue: epilogue)
      pointee.gemm(&arguments)
    }
  }

  /// Pixels scaled to a mean square of one, side by side, as `matrix` reads them.
  @inline(__always)
  func rmsNorm(
    _ input: ConstFloats, stride: Int, into out: Operand, for matrix: PackedMatrix, pitch: Int, pixels: Int,
    channels: Int,
    epsilon: Float
  ) {
    if matrix.isRounded {
      var arguments = evssm_rms_bf16_args(
        in: input, in_stride: stride, out: out.halves, out_stride: pitch, pixels: pixels, channels: channels,
        epsilon: epsilon)
      pointee.rms_norm_bf16(&arguments)
    } else {
      var arguments = evssm_rms_args(
        in: input, in_stride: stride, out: out.floats, out_stride: pitch, pixels: pixels, channels: channels,
        epsilon: epsilon)
      pointee.rms_norm(&arguments)
    }
  }

  /// The depthwise convolution and gate of a row, written to `arguments.out` as `matrix` reads it.
  @inline(__always)
  func depthwiseGate(_ arguments: inout evssm_depthwise_args, for matrix: PackedMatrix) {
    guard matrix.isRounded else { return pointee.depthwise_gate(&arguments) }
    var reduced = evssm_gate_bf16_args(
      row: arguments.row, row_stride: arguments.row_stride, weight: arguments.weight, bias: arguments.bias,
      rounded: Operand(arguments.out).halves, rounded_stride: arguments.out_stride, pixels: arguments.pixels,
      pitch: arguments.pitch)
    pointee.depthwise_gate_bf16(&reduced)
  }

  /// `count` values as `matrix` reads them: where they are, or rounded to `rounded`. `count` is a multiple of 16.
  @inline(__always)
  func rounded(_ values: Floats, count: Int, into rounded: Floats, for matrix: PackedMatrix) -> Operand {
    guard matrix.isRounded else { return Operand(values) }
    let out = Operand(rounded)
    var arguments = evssm_round_args(in: values, out: out.halves, count: count)
    pointee.round_bf16(&arguments)
    return out
  }
}
