import Tensors

/// The discrete Fourier transform of n numbers, n of any size: by powers of two where possible, else by the definition.
struct FourierTransform {
  let size: Int
  let isInverse: Bool
  private let roots: [(Double, Double)]

  init(size: Int, isInverse: Bool) {
    self.size = size
    self.isInverse = isInverse
    let sign = isInverse ? 2.0 : -2.0
    roots = (0..<size).map { k in
      let angle = sign * Double.pi * Double(k) / Double(size)
      return (Mathematics.cos(angle), Mathematics.sin(angle))
    }
  }

  /// The transform of `size` complex numbers; the inverse divides by the size.
  func callAsFunction(_ re: [Double], _ im: [Double]) -> (re: [Double], im: [Double]) {
    let result = size & (size - 1) == 0 ? fast(re, im) : direct(re, im)
    guard isInverse else { return result }
    return (result.re.map { $0 / Double(size) }, result.im.map { $0 / Double(size) })
  }

  private func direct(_ re: [Double], _ im: [Double]) -> (re: [Double], im: [Double]) {
    var (outRe, outIm) = ([Double](repeating: 0, count: size), [Double](repeating: 0, count: size))
    for k in 0..<size {
      var at = 0
      for n in 0..<size {
        let (c, s) = roots[at]
        outRe[k] += re[n] * c - im[n] * s
        outIm[k] += re[n] * s + im[n] * c
        at = (at + k) % size
      }
    }
    return (outRe, outIm)
  }

  /// Decimation in time, in place after a reversal of the bits.
  private func fast(_ re: [Double], _ im: [Double]) -> (re: [Double], im: [Double]) {
    var (re, im) = (re, im)
    var j = 0
    for i in 1..<max(size, 1) {
      var bit = size >> 1
      while j & bit != 0 {
        j ^= bit
        bit >>= 1
      }
      j ^= bit
      if i < j {
        re.swapAt(i, j)
        im.swapAt(i, j)
      }
    }
    var length = 2
    while length <= size {
      let step = size / length
      for start in stride(from: 0, to: size, by: length) {
        for k in 0..<length / 2 {
          let (a, b) = (start + k, start + k + length / 2)
          let (c, s) = roots[k * step]
          let (x, y) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c)
          (re[b], im[b]) = (re[a] - x, im[a] - y)
          (re[a], im[a]) = (re[a] + x, im[a] + y)
        }
      }
      length *= 2
    }
    return (re, im)
  }
}

extension Limits {
  /// Numbers in one Fourier transform whose size is no power of two.
  static let maxTransform = 1 << 16
  /// Numbers in one Fourier transform.
  static let maxFastTransform = 1 << 22
}

/// The discrete Fourier transform along an axis; the last axis holds real and imaginary parts.
struct FourierOperator: TensorFunction {
  /// The axis as an attribute, before opset 20.
  let fixedAxis: Int?
  let isInverse: Bool
  let isOneSided: Bool

  init(_ attributes: AttributeReader) throws {
    fixedAxis = attributes.version < 20 ? try attributes.integer("axis", 1) : nil
    isInverse = try attributes.flag("inverse")
    isOneSided = try attributes.flag("onesided")
  }

  private func axis(_ given: Int?, rank: Int) throws -> Int {
    let axis = try Facts("DFT").axis(fixedAxis ?? given ?? -2, rank: rank)
    guard axis < rank - 1 else { throw valueError("DFT has the axis of real and imaginary parts.") }
    return axis
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    try facts.floating(0)
    guard type.shape.count >= 2, [1, 2].contains(type.shape[type.shape.count - 1].known ?? 2) else {
      throw facts.failure("needs real and imaginary parts as last axis")
    }
    var shape = type.shape
    let rank = shape.count
    shape[rank - 1] = isOneSided && isInverse ? 1 : 2
    guard !facts.has(2) || facts.integers(2) != nil else {
      return [ValueType(type.dtype, shape.indices.map { $0 == rank - 1 ? shape[$0] : facts.unknown("axis\($0)") })]
    }
    let axis = try axis(facts.integers(2)?.first, rank: rank)
    let length: Dimension
    if facts.has(1) {
      length = facts.value(1)?.sizes?.first ?? facts.unknown("length")
      guard (length.known ?? 1) > 0 else { throw facts.failure("has a length of \(length)") }
    } else {
      length = isOneSided && isInverse ? try shape[axis].plus(-1).times(2) : shape[axis]
    }
    shape[axis] = isOneSided && !isInverse ? try length.dividedRoundingDown(by: 2).plus(1) : length
    return [ValueType(type.dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let rank = input.shape.count
    let axis = try axis(inputs.integers(2)?.first, rank: rank)
    let parts = input.shape[rank - 1]
    let halves = isOneSided && isInverse
    let length = inputs.integers(1)?.first ?? (halves ? 2 * (input.shape[axis] - 1) : input.shape[axis])
    guard length > 0, length <= (length & (length - 1) == 0 ? Limits.maxFastTransform : Limits.maxTransform) else {
      throw valueError("A transform of \(length) numbers is not supported.")
    }
    var shape = input.shape
    shape[axis] = isOneSided && !isInverse ? length / 2 + 1 : length
    shape[rank - 1] = halves ? 1 : 2
    try Tensor.checkSize(input.dtype, shape)
    let lines = Lines(Array(input.shape.dropLast()), axis: axis)
    let values = input.doubles()
    let transform = FourierTransform(size: length, isInverse: isInverse)
    var out = [Double](repeating: 0, count: shape.reduce(1, *))
    for o in 0..<lines.outer {
      for i in 0..<lines.inner {
        var (re, im) = ([Double](repeating: 0, count: length), [Double](repeating: 0, count: length))
        for k in 0..<min(length, lines.size) {
          let at = ((o * lines.size + k) * lines.inner + i) * parts
          re[k] = values[at]
          if parts == 2 { im[k] = values[at + 1] }
          // The other half of a spectrum of real numbers is the conjugate of this one.
          if halves, k > 0, 2 * k < length { (re[length - k], im[length - k]) = (re[k], -im[k]) }
        }
        let result = transform(re, im)
        for k in 0..<shape[axis] {
          let at = ((o * shape[axis] + k) * lines.inner + i) * shape[rank - 1]
          out[at] = result.re[k]
          if !halves { out[at + 1] = result.im[k] }
        }
      }
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: out)]
  }
}

/// Fourier transforms of windows of a signal.
struct ShortTimeFourier: TensorFunction {
  let isOneSided: Bool

  init(_ attributes: AttributeReader) throws { isOneSided = try attributes.flag("onesided", true) }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let shape = try facts.shape(0, rank: 2...3)
    try facts.floating(0)
    let step = facts.integers(1)?.first
    let length = facts.has(3) ? facts.integers(3)?.first : facts.has(2) ? try facts.shape(2).first?.known : nil
    guard let step, let length else {
      return [ValueType(try facts.type(0).dtype, [shape[0], facts.unknown("frames"), facts.unknown("bins"), 2])]
    }
    guard step > 0, length > 0 else { throw facts.failure("has a step of \(step) and frames of \(length)") }
    let frames = try shape[1].plus(Dimension(-length)).dividedRoundingDown(by: step).plus(1)
    return [ValueType(try facts.type(0).dtype, [shape[0], frames, Dimension(isOneSided ? length / 2 + 1 : length), 2])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let signal = try inputs.required(0)
    let window = inputs.optional(2)?.doubles()
    guard let step = inputs.integers(1)?.first, let length = inputs.integers(3)?.first ?? window?.count, step > 0,
      length > 0,
      length <= Limits.maxTransform, window.map({ $0.count == length }) ?? true, signal.shape[1] >= length
    else { throw valueError("STFT needs a step, a frame or window length, and a signal of at least that.") }
    let frames = (signal.shape[1] - length) / step + 1
    let bins = isOneSided ? length / 2 + 1 : length
    let shape = [signal.shape[0], frames, bins, 2]
    try Tensor.checkSize(signal.dtype, shape)
    let parts = signal.shape.count == 3 ? signal.shape[2] : 1
    guard parts == 1 || parts == 2 else {
      throw valueError("STFT needs real, or real and imaginary, parts as last axis.")
    }
    let values = signal.doubles()
    let transform = FourierTransform(size: length, isInverse: false)
    var out = [Double](repeating: 0, count: shape.reduce(1, *))
    for n in 0..<signal.shape[0] {
      for frame in 0..<frames {
        let start = (n * signal.shape[1] + frame * step) * parts
        let re = (0..<length).map { values[start + $0 * parts] * (window?[$0] ?? 1) }
        let im = (0..<length).map { parts == 2 ? values[start + $0 * parts + 1] * (window?[$0] ?? 1) : 0 }
        let result = transform(re, im)
        for k in 0..<bins {
          out[((n * frames + frame) * bins + k) * 2] = result.re[k]
          out[((n * frames + frame) * bins + k) * 2 + 1] = result.im[k]
        }
      }
    }
    return [try Tensor(dtype: signal.dtype, shape: shape, reals: out)]
  }
}

/// A window of Hann, Hamming or Blackman.
struct WindowFunction: TensorFunction {
  let coefficients: [Double]
  let isPeriodic: Bool
  let target: DType

  init(_ attributes: AttributeReader) throws {
    coefficients =
      switch attributes.name {
      case "HannWindow": [0.5, 0.5]
      case "HammingWindow": [25.0 / 46, 21.0 / 46]
      default: [0.42, 0.5, 0.08]
      }
    isPeriodic = try attributes.flag("periodic", true)
    target = try attributes.dtype("output_datatype") ?? .float32
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    [ValueType(target, [facts.value(0)?.sizes?.first ?? facts.unknown("size")])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    guard let size = inputs.integers(0)?.first, size >= 0 else { throw valueError("A window needs a size.") }
    try Tensor.checkSize(target, [size])
    let period = Double(isPeriodic ? size : max(size - 1, 1))
    let values = (0..<size).map { n in
      coefficients.enumerated().reduce(0.0) { sum, term in
        sum + (term.offset % 2 == 0 ? 1 : -1) * term.element
          * Mathematics.cos(2 * Double.pi * Double(term.offset) * Double(n) / period)
      }
    }
    return [try Tensor(dtype: target, shape: [size], reals: values)]
  }
}

/// The matrix from a spectrum to bands that are equally wide to the ear.
struct MelWeightMatrix: TensorFunction {
  let target: DType

  init(_ attributes: AttributeReader) throws { target = try attributes.dtype("output_datatype") ?? .float32 }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let bins = try facts.value(1)?.sizes?.first?.dividedRoundingDown(by: 2).plus(1)
    return [ValueType(target, [bins ?? facts.unknown("bins"), facts.value(0)?.sizes?.first ?? facts.unknown("bands")])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    guard let bands = inputs.integers(0)?.first, let length = inputs.integers(1)?.first,
      let rate = inputs.integers(2)?.first, let low = try inputs.required(3).doubles().first,
      let high = try inputs.required(4).doubles().first, (0...Limits.maxDimension).contains(bands),
      (0...Limits.maxDimension).contains(length), rate > 0, low.isFinite, high.isFinite
    else { throw valueError("MelWeightMatrix needs counts of bands and samples, a rate and two frequencies.") }
    let bins = length / 2 + 1
    try Tensor.checkSize(target, [bins, bands + 2])
    func mel(_ hertz: Double) -> Double { 2595 * Mathematics.log(1 + hertz / 700) / Mathematics.log(10) }
    let step = (mel(high) - mel(low)) / Double(bands + 2)
    let edges = (0..<bands + 2).map { i -> Int in
      let hertz = 700 * (Mathematics.pow(10, (Double(i) * step + mel(low)) / 2595) - 1)
      let bin = (Double(length + 1) * hertz / Double(rate)).rounded(.down)
      return Int(max(-1, min(bin, Double(Limits.maxDimension))).saturatedInteger)
    }
    var out = [Double](repeating: 0, count: bins * bands)
    for band in 0..<bands {
      let (first, centre, last) = (edges[band], edges[band + 1], edges[band + 2])
      for bin in 0..<bins {
        if first == centre {
          if bin == centre { out[bin * bands + band] = 1 }
        } else if bin >= first, bin <= centre {
          out[bin * bands + band] = Double(bin - first) / Double(centre - first)
        }
        if last > centre, bin >= centre, bin < last {
          out[bin * bands + band] = Double(last - bin) / Double(last - centre)
        }
      }
    }
    return [try Tensor(dtype: target, shape: [bins, bands], reals: out)]
  }
}
