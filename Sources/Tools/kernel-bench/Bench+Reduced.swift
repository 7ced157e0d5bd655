import CKernels

/// The kernels of plans in reduced precision, at the sizes of their counterparts.
extension Bench {
  func reduced(_ channels: Int) {
    let expanded = 2 * channels, hidden = 3 * channels
    product("in_proj", depth: channels, width: expanded)
    product("in_proj with gate", depth: channels, width: expanded, EVSSM_EPILOGUE_GATE)
    product("out_proj", depth: expanded, width: channels)
    product("project_in", depth: channels, width: 2 * hidden)
    product("project_out", depth: hidden, width: channels)
    product("conv3x3", depth: 3 * channels, width: channels, segments: 3)
    recurrence("scan_reduced", channels, kernels.scan_reduced)
    depthwise(channels)
    rounding(channels)
  }

  /// Zeros: the kernels take as long for them as for other values.
  private func halves(_ count: Int) -> UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(buffer((count + 1) / 2, scale: 0)).assumingMemoryBound(to: UInt16.self)
  }

  private func product(
    _ name: String, depth: Int, width: Int, segments: Int = 1, _ epilogue: evssm_epilogue = EVSSM_EPILOGUE_STORE
  ) {
    let rows = 128, stride = segments == 3 ? depth / 3 : depth, gates = epilogue == EVSSM_EPILOGUE_GATE
    let a = UnsafePointer(halves((rows - 1) * stride + depth)), b = halves(segments * depth * width)
    let c = buffer(rows * width), rounded = halves(rows * width), addend = buffer(rows * width)
    let seconds = stopwatch.best {
      var args = evssm_gemm_bf16_args(
        a: (a, a, a), a_stride: stride, segments: segments, segment_k: depth, b: b, bias: nil, c: c, c_stride: width,
        rounded: gates ? rounded : nil, rounded_stride: width, addend: addend, addend_stride: width, rows: rows,
        width: width, epilogue: epilogue)
      kernels.gemm_bf16(&args)
    }
    let macs = Double(rows * width * depth * segments)
    report("gemm_bf16", "\(name) \(rows)x\(segments * depth)x\(width)", seconds: seconds, macs: macs)
  }

  private func depthwise(_ channels: Int) {
    let pixels = 64, inner = 2 * channels, hidden = 3 * channels
    let lines = (0..<3).map { _ in UnsafePointer(buffer((pixels + 2) * 2 * hidden)) + 2 * hidden }
    let weight = buffer(18 * hidden), bias = buffer(2 * hidden), out = buffer(pixels * inner),
      rounded = halves(pixels * hidden)
    let gelu = stopwatch.best {
      var args = evssm_depthwise_args(
        row: (lines[0], lines[1], lines[2]), row_stride: inner, weight: weight, bias: bias, out: out, out_stride: inner,
        pixels: pixels, pitch: inner)
      kernels.depthwise_gelu_reduced(&args)
    }
    report("depthwise_gelu_reduced", "\(inner)", seconds: gelu, vectors: pixels * inner / 16)
    let gate = stopwatch.best {
      var args = evssm_gate_bf16_args(
        row: (lines[0], lines[1], lines[2]), row_stride: 2 * hidden, weight: weight, bias: nil, rounded: rounded,
        rounded_stride: hidden, pixels: pixels, pitch: hidden)
      kernels.depthwise_gate_bf16(&args)
    }
    report("depthwise_gate_bf16", "\(hidden)", seconds: gate, vectors: pixels * hidden / 16)
  }

  private func rounding(_ channels: Int) {
    let pixels = 64, input = buffer(pixels * channels), out = halves(pixels * channels)
    let norm = stopwatch.best {
      var args = evssm_rms_bf16_args(
        in: input, in_stride: channels, out: out, out_stride: channels, pixels: pixels, channels: channels,
        epsilon: 1e-6)
      kernels.rms_norm_bf16(&args)
    }
    report("rms_norm_bf16", "\(channels)", seconds: norm, vectors: pixels * channels / 16)
    let round = stopwatch.best {
      var args = evssm_round_args(in: input, out: out, count: pixels * channels)
      kernels.round_bf16(&args)
    }
    report("round_bf16", "\(channels)", seconds: round, vectors: pixels * channels / 16)
  }
}
