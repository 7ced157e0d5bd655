import CKernels

/// The kernels of one instruction set at the sizes of the official network.
struct Bench {
  let kernels: evssm_kernels
  let stopwatch: Stopwatch
  /// One line of JSON a kernel instead of a sentence.
  let printsJSON: Bool
  /// Multiply-adds a second in registers, measured first.
  let peak: Double

  init(_ kernels: evssm_kernels, stopwatch: Stopwatch, printsJSON: Bool) {
    self.kernels = kernels
    self.stopwatch = stopwatch
    self.printsJSON = printsJSON
    let sink = buffer(16, scale: 0)
    var macs = 0.0
    let seconds = stopwatch.best {
      var args = evssm_peak_args(iterations: 20_000, sink: sink)
      macs = kernels.peak(&args)
    }
    peak = macs / seconds
  }

  func run() {
    if !printsJSON { print("\(name): peak \(rounded(peak / 1e9)) GMAC/s; cycles: 16 multiply-adds at peak") }
    for channels in [48, 96, 192] {
      matrices(channels)
      pixels(channels)
      reduced(channels)
    }
    maps()
  }

  private var name: String { String(cString: kernels.isa_name) }

  private func rounded(_ value: Double) -> Double { Double(Int(value * 10 + 0.5)) / 10 }

  func report(_ kernel: String, _ size: String, seconds: Double, macs: Double) {
    if printsJSON { return reportJSON(kernel, size, seconds * peak / macs) }
    let rate = macs / seconds
    print("\(kernel) \(size): \(rounded(rate / 1e9)) GMAC/s, \(rounded(100 * rate / peak)) %")
  }

  /// `vectors`: groups of 16 results.
  func report(_ kernel: String, _ size: String, seconds: Double, vectors: Int) {
    let cycles = seconds * peak / 16 / Double(vectors)
    if printsJSON { return reportJSON(kernel, size, cycles) }
    print("\(kernel) \(size): \(rounded(cycles)) cycles per 16")
  }

  /// `cost`: cycles for 16 multiply-adds of a matrix product, or for 16 results of another kernel.
  private func reportJSON(_ kernel: String, _ size: String, _ cost: Double) {
    print("{\"isa\": \"\(name)\", \"kernel\": \"\(kernel)\", \"size\": \"\(size)\", \"cost\": \(cost)}")
  }

  // MARK: Matrices

  private func matrices(_ channels: Int) {
    let expanded = 2 * channels, hidden = 3 * channels, parameters = ((channels + 15) / 16 + 16).pitch
    product("in_proj", depth: channels, width: 2 * expanded)
    product("in_proj with gelu", depth: channels, width: expanded, EVSSM_EPILOGUE_GELU)
    product("x_proj", depth: expanded, width: parameters)
    product("out_proj", depth: expanded, width: channels, EVSSM_EPILOGUE_ADD)
    product("project_in", depth: channels, width: 2 * hidden)
    product("project_out", depth: hidden, width: channels)
    product("conv3x3", depth: 3 * channels, width: channels, segments: 3)
  }

  private func product(
    _ name: String, depth: Int, width: Int, segments: Int = 1, _ epilogue: evssm_epilogue = EVSSM_EPILOGUE_STORE
  ) {
    let rows = 128
    let stride = segments == 3 ? depth / 3 : depth
    let a = buffer((rows - 1) * stride + depth), b = buffer(segments * depth * width), c = buffer(rows * width)
    let seconds = stopwatch.best {
      var args = evssm_gemm_args(
        a: (UnsafePointer(a), UnsafePointer(a), UnsafePointer(a)), a_stride: stride, segments: segments,
        segment_k: depth, b: b, bias: nil, c: c, c_stride: width, addend: c, addend_stride: width, rows: rows,
        width: width, epilogue: epilogue)
      kernels.gemm(&args)
    }
    let macs = Double(rows * width * depth * segments)
    report("gemm", "\(name) \(rows)x\(segments * depth)x\(width)", seconds: seconds, macs: macs)
  }

  // MARK: Pixels

  private func pixels(_ channels: Int) {
    depthwise(2 * channels, gate: false)
    depthwise(3 * channels, gate: true)
    scan(channels)
    norms(channels)
    spectral(channels)
    rows(channels)
  }

  private func depthwise(_ pitch: Int, gate: Bool) {
    let pixels = 64, width = gate ? 2 * pitch : pitch
    let lines = (0..<3).map { _ in UnsafePointer(buffer((pixels + 2) * width)) + width }
    let weight = buffer(9 * width), bias = buffer(width), out = buffer(pixels * pitch)
    let seconds = stopwatch.best {
      var args = evssm_depthwise_args(
        row: (lines[0], lines[1], lines[2]), row_stride: width, weight: weight, bias: bias, out: out,
        out_stride: pitch, pixels: pixels, pitch: pitch)
      if gate { kernels.depthwise_gate(&args) } else { kernels.depthwise_gelu(&args) }
    }
    report(gate ? "depthwise_gate" : "depthwise_gelu", "\(pitch)", seconds: seconds, vectors: pixels * pitch / 16)
  }

  private func scan(_ channels: Int) {
    recurrence("scan", channels, kernels.scan)
    let positions = 64, pitch = ((channels + 15) / 16 + 16).pitch
    let input = buffer(positions * pitch), out = buffer(positions * pitch)
    let weight = buffer(7 * pitch), bias = buffer(pitch)
    let seconds = stopwatch.best {
      var args = evssm_taps_args(
        in: UnsafePointer(input) + 3 * pitch, in_stride: pitch, out: out, out_stride: pitch, weight: weight, bias: bias,
        positions: positions - 6, pitch: pitch)
      kernels.taps(&args)
    }
    report("taps", "\(pitch)", seconds: seconds, vectors: (positions - 6) * pitch / 16)
  }

  func recurrence(_ name: String, _ channels: Int, _ kernel: @convention(c) (UnsafePointer<evssm_scan_args>?) -> Void) {
    let positions = 64, pitch = 2 * channels, rank = (channels + 15) / 16
    let u = buffer(positions * pitch), y = buffer(positions * pitch), parameters = buffer(positions * 48)
    let weight = buffer(rank * pitch), bias = buffer(pitch), a = buffer(8 * pitch), d = buffer(pitch)
    let state = buffer(8 * pitch)
    for index in 0..<(8 * pitch) { a[index] = -1.44 * Float(index / pitch + 1) }
    let seconds = stopwatch.best {
      var args = evssm_scan_args(
        u: u, u_stride: pitch, y: y, y_stride: pitch, parameters: parameters, parameters_stride: 48,
        dt_weight: weight, dt_bias: bias, a: a, d: d, state: state, positions: positions, rank: rank, pitch: pitch,
        first: 0, count: pitch)
      kernel(&args)
    }
    report(name, "\(pitch), rank \(rank)", seconds: seconds, vectors: positions * pitch / 16)
  }

  private func norms(_ channels: Int) {
    let pixels = 64, wide = 2 * channels
    let input = buffer(pixels * wide), output = buffer(pixels * wide), weight = buffer(wide, scale: 0)
    let rms = stopwatch.best {
      var args = evssm_rms_args(
        in: input, in_stride: channels, out: output, out_stride: channels, pixels: pixels, channels: channels,
        epsilon: 1e-6)
      kernels.rms_norm(&args)
    }
    report("rms_norm", "\(channels)", seconds: rms, vectors: pixels * channels / 16)
    let layer = stopwatch.best {
      var args = evssm_layer_norm_args(
        y: output, stride: wide, pixels: pixels, channels: wide, weight: weight, bias: weight, epsilon: 1e-5)
      kernels.layer_norm(&args)
    }
    report("layer_norm", "\(wide)", seconds: layer, vectors: pixels * wide / 16)
  }

  private func spectral(_ channels: Int) {
    let patch = buffer(64 * channels), filter = buffer(40 * channels), out = buffer(64 * channels, scale: 0)
    let addend = buffer(64 * channels)
    let seconds = stopwatch.best {
      var args = evssm_spectral_args(
        in: patch, in_row: 8 * channels, in_pixel: channels, filter: filter, addend: addend, out: out,
        out_row: 8 * channels, out_pixel: channels, first_row: 0, end_row: 8, first_column: 0, end_column: 8,
        pitch: channels)
      kernels.spectral(&args)
    }
    report("spectral", "\(channels)", seconds: seconds, vectors: 4 * channels)
  }

  private func rows(_ channels: Int) {
    let pixels = 64
    let input = buffer(2 * pixels * channels), other = buffer(2 * pixels * channels)
    let out = buffer(2 * pixels * channels + 144) + 144
    let halve = stopwatch.best {
      var args = evssm_halve_args(
        top: input, bottom: other, in_stride: channels, out: out, out_stride: channels, pixels: pixels,
        pitch: channels)
      kernels.halve(&args)
    }
    report("halve", "\(channels)", seconds: halve, vectors: pixels * channels / 16)
    let double = stopwatch.best {
      var args = evssm_double_args(
        near_row: input, far_row: other, near_weight: 0.75, in_stride: channels, out: out, out_stride: channels,
        pixels: pixels, pitch: channels)
      kernels.double_row(&args)
    }
    report("double_row", "\(channels)", seconds: double, vectors: 2 * pixels * channels / 16)
    products(channels)
    let blend = stopwatch.best {
      var args = evssm_blend_args(
        in: input, in_stride: channels, addend: other, addend_stride: channels, out: out, out_stride: channels,
        scale: nil, pixels: pixels, pitch: channels)
      kernels.blend(&args)
    }
    report("blend", "\(channels)", seconds: blend, vectors: pixels * channels / 16)
  }

  /// The mixing of the doubling convolution behind `channels`, for one row of its result.
  private func products(_ channels: Int) {
    let pixels = 24
    let rows = (0..<3).map { _ in UnsafePointer(buffer((pixels + 2) * 9 * channels)) + 9 * channels }
    let pair = (Optional(rows[0]), Optional(rows[1]))
    let skip = buffer(2 * pixels * channels), out = buffer(2 * pixels * channels)
    let seconds = stopwatch.best {
      var args = evssm_double_products_args(
        row: (pair, pair, (Optional(rows[1]), Optional(rows[2]))),
        weight: ((0.75, 0.25), (0.25, 0.75), (0.75, 0.25)), in_stride: 9 * channels, starts: 0, ends: 0, addend: skip,
        out: out, out_stride: channels, pixels: pixels, pitch: channels)
      kernels.double_products(&args)
    }
    report("double_products", "\(channels)", seconds: seconds, vectors: 2 * pixels * channels / 16)
  }

  private func maps() {
    let count = 4096
    let input = buffer(count, scale: 8), out = buffer(count)
    for (name, map) in [
      ("map_gelu", kernels.map_gelu), ("map_gelu_reduced", kernels.map_gelu_reduced),
      ("map_softplus", kernels.map_softplus),
      ("map_exp2", kernels.map_exp2),
    ] {
      let seconds = stopwatch.best {
        var args = evssm_map_args(in: input, out: out, count: count)
        map?(&args)
      }
      report(name, "\(count)", seconds: seconds, vectors: count / 16)
    }
  }
}

extension Int {
  /// Rounded up to the lanes of a pixel.
  var pitch: Int { (self + 15) / 16 * 16 }
}
