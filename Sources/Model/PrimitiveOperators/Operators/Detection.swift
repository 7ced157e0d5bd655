import Tensors

/// Boxes in the order of their scores, without those that overlap a better one too much.
struct NonMaxSuppression: TensorFunction {
  let isCentred: Bool

  init(_ attributes: AttributeReader) throws { isCentred = try attributes.flag("center_point_box") }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    _ = try facts.shape(0, rank: 3...3)
    _ = try facts.shape(1, rank: 3...3)
    return [ValueType(.int64, [facts.unknown("count"), 3])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (boxes, scores) = (try inputs.required(0), try inputs.required(1))
    guard boxes.shape[2] == 4, scores.shape[0] == boxes.shape[0], scores.shape[2] == boxes.shape[1] else {
      throw valueError("Boxes of shape \(boxes.shape) do not fit scores of shape \(scores.shape).")
    }
    let maxCount = inputs.integers(2)?.first ?? 0
    let overlap = inputs.optional(3)?.doubles().first ?? 0
    let minScore = inputs.optional(4)?.doubles().first
    let (corners, values) = (boxes.doubles(), scores.doubles())
    let (classes, count) = (scores.shape[1], boxes.shape[1])
    var chosen: [Int64] = []
    for n in 0..<boxes.shape[0] {
      for c in 0..<classes {
        func score(_ i: Int) -> Double { values[(n * classes + c) * count + i] }
        let order = (0..<count).filter { i in minScore.map { score(i) > $0 } ?? true }
          .sorted { score($0) == score($1) ? $0 < $1 : score($0) > score($1) }
        var kept: [Int] = []
        for i in order where kept.count < maxCount {
          let box = Box(corners[(n * count + i) * 4..<(n * count + i) * 4 + 4], isCentred)
          let isFree = kept.allSatisfy {
            box.overlap(Box(corners[(n * count + $0) * 4..<(n * count + $0) * 4 + 4], isCentred)) <= overlap
          }
          if isFree { kept.append(i) }
        }
        for i in kept { chosen += [Int64(n), Int64(c), Int64(i)] }
      }
    }
    return [try Tensor(dtype: .int64, shape: [chosen.count / 3, 3], integers: chosen)]
  }

  private struct Box {
    let top, left, bottom, right: Double

    init(_ values: ArraySlice<Double>, _ isCentred: Bool) {
      let v = Array(values)
      if isCentred {
        (left, right) = (v[0] - v[2] / 2, v[0] + v[2] / 2)
        (top, bottom) = (v[1] - v[3] / 2, v[1] + v[3] / 2)
      } else {
        (top, bottom) = (min(v[0], v[2]), max(v[0], v[2]))
        (left, right) = (min(v[1], v[3]), max(v[1], v[3]))
      }
    }

    var area: Double { (bottom - top) * (right - left) }

    /// The common area over the joint one.
    func overlap(_ other: Box) -> Double {
      let height = min(bottom, other.bottom) - max(top, other.top)
      let width = min(right, other.right) - max(left, other.left)
      guard height > 0, width > 0 else { return 0 }
      return height * width / (area + other.area - height * width)
    }
  }
}

/// Regions of maps, sampled bilinearly to one size.
struct RegionAlign: TensorFunction {
  let isMaximum: Bool
  let height, width: Int
  let samples: Int
  let scale: Double
  let offset: Double

  init(_ attributes: AttributeReader) throws {
    isMaximum = try attributes.choice("mode", "avg", of: ["avg", "max"]) == "max"
    height = try attributes.integer("output_height", 1, in: 1...Limits.maxWindow)
    width = try attributes.integer("output_width", 1, in: 1...Limits.maxWindow)
    samples = try attributes.integer("sampling_ratio", 0, in: 0...4096)
    scale = try attributes.real("spatial_scale", 1)
    let mode =
      attributes.version >= 16
      ? try attributes.choice("coordinate_transformation_mode", "half_pixel", of: ["half_pixel", "output_half_pixel"])
      : "output_half_pixel"
    offset = mode == "half_pixel" ? 0.5 : 0
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (input, regions) = (try facts.shape(0, rank: 4...4), try facts.shape(1, rank: 2...2))
    try facts.floating(0)
    try facts.vector(2, regions[0])
    return [ValueType(try facts.type(0).dtype, [regions[0], input[1], Dimension(height), Dimension(width)])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, regions) = (try inputs.required(0), try inputs.required(1))
    let batches = try inputs.required(2).integers()
    let (channels, h, w) = (input.shape[1], input.shape[2], input.shape[3])
    guard regions.shape[1] == 4, batches.count == regions.shape[0], h > 0, w > 0 else {
      throw valueError("Regions of shape \(regions.shape) do not fit maps of shape \(input.shape).")
    }
    let shape = [regions.shape[0], channels, height, width]
    try Tensor.checkSize(input.dtype, shape)
    let (values, corners) = (input.doubles(), regions.doubles())
    var out: [Double] = []
    for (r, batch) in batches.enumerated() {
      let n = try checkedIndex(batch, input.shape[0])
      let box = corners[r * 4..<r * 4 + 4].map { $0 * scale - offset }
      guard box.allSatisfy({ $0.isFinite && $0.magnitude < 0x1p30 }) else {
        throw valueError("A region is not finite.")
      }
      let minSide = offset == 0 ? 1.0 : 0
      let (regionW, regionH) = (max(box[2] - box[0], minSide), max(box[3] - box[1], minSide))
      let (binH, binW) = (regionH / Double(height), regionW / Double(width))
      let countH = samples > 0 ? samples : Int(binH.rounded(.up))
      let countW = samples > 0 ? samples : Int(binW.rounded(.up))
      try Limits.check(
        Checked.multiply(countH, countW), atMost: Limits.maxWindow, name: "max_window", "The samples of a region")
      for c in 0..<channels {
        let plane = (n * channels + c) * h * w
        for y in 0..<height {
          for x in 0..<width {
            var (sum, best) = (0.0, -Double.infinity)
            for i in 0..<countH {
              for j in 0..<countW {
                let at = (
                  box[1] + (Double(y) + (Double(i) + 0.5) / Double(countH)) * binH,
                  box[0] + (Double(x) + (Double(j) + 0.5) / Double(countW)) * binW
                )
                let corner = Self.corners(y: at.0, x: at.1, height: h, width: w)
                sum += corner.reduce(0) { $0 + values[plane + $1.0] * $1.1 }
                best = corner.reduce(best) { max($0, values[plane + $1.0] * $1.1) }
              }
            }
            out.append(isMaximum ? (best.isFinite ? best : 0) : sum / Double(max(countH * countW, 1)))
          }
        }
      }
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: out)]
  }

  /// The four pixels around a point and their weights.
  private static func corners(y: Double, x: Double, height h: Int, width w: Int) -> [(Int, Double)] {
    guard y >= -1, x >= -1, y <= Double(h), x <= Double(w) else { return [] }
    func axis(_ at: Double, _ size: Int) -> (Int, Int, Double) {
      let at = max(at, 0)
      let low = Int(at)
      return low >= size - 1 ? (size - 1, size - 1, 0) : (low, low + 1, at - Double(low))
    }
    let (y0, y1, fy) = axis(y, h)
    let (x0, x1, fx) = axis(x, w)
    return [
      (y0 * w + x0, (1 - fy) * (1 - fx)), (y0 * w + x1, (1 - fy) * fx), (y1 * w + x0, fy * (1 - fx)),
      (y1 * w + x1, fy * fx),
    ]
  }
}

/// A two-dimensional convolution whose taps are moved by offsets a position.
struct DeformableConvolution: TensorFunction {
  let window: SlidingWindow
  let groups, offsetGroups: Int

  init(_ attributes: AttributeReader) throws {
    window = try SlidingWindow(attributes)
    groups = try attributes.integer("group", 1, in: 1...Limits.maxWindow)
    offsetGroups = try attributes.integer("offset_group", 1, in: 1...Limits.maxWindow)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    _ = try facts.shape(0, rank: 4...4)
    _ = try facts.shape(2, rank: 4...4)
    for index in 0...4 { try facts.floating(index) }
    let shape = try facts.convolutionShape(window, groups)
    try facts.vector(3, shape[1])
    return [ValueType(try facts.type(0).dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, weight, offset) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
    let (n, channels, h, w) = (input.shape[0], input.shape[1], input.shape[2], input.shape[3])
    let (outputs, depth) = (weight.shape[0], weight.shape[1])
    let (kh, kw) = (weight.shape[2], weight.shape[3])
    let axes = try window.axes(rank: 2, kernel: [kh, kw])
    let rows = try window.windows(axes[0], h)
    let columns = try window.windows(axes[1], w)
    let taps = kh * kw
    let plane = rows.count * columns.count
    guard outputs % groups == 0, depth * groups == channels, channels % offsetGroups == 0,
      offset.shape == [n, offsetGroups * taps * 2, rows.count, columns.count],
      (inputs.optional(4)?.shape ?? [n, offsetGroups * taps, rows.count, columns.count])
        == [n, offsetGroups * taps, rows.count, columns.count]
    else { throw valueError("Offsets of shape \(offset.shape) do not fit the convolution.") }
    let shape = [n, outputs, rows.count, columns.count]
    try Tensor.checkSize(input.dtype, shape)
    let (values, weights, moves) = (input.doubles(), weight.doubles(), offset.doubles())
    let (bias, mask) = (inputs.optional(3)?.doubles(), inputs.optional(4)?.doubles())
    var out = [Double](repeating: 0, count: shape.reduce(1, *))
    for index in out.indices {
      let (position, o, b) = (index % plane, index / plane % outputs, index / plane / outputs)
      var sum = bias?[o] ?? 0
      for c in 0..<depth {
        let channel = o / (outputs / groups) * depth + c
        let group = channel / (channels / offsetGroups)
        for tap in 0..<taps {
          let at = ((b * offsetGroups + group) * taps + tap) * 2 * plane + position
          let y =
            Double(position / columns.count * axes[0].stride - rows.front + tap / kw * axes[0].dilation) + moves[at]
          let x =
            Double(position % columns.count * axes[1].stride - columns.front + tap % kw * axes[1].dilation)
            + moves[at + plane]
          let value = Self.sample(
            values, plane: (b * channels + channel) * h * w, y: y, x: x, height: h, width: w)
          let share = mask?[((b * offsetGroups + group) * taps + tap) * plane + position] ?? 1
          sum += value * share * weights[(o * depth + c) * taps + tap]
        }
      }
      out[index] = sum
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: out)]
  }

  /// A bilinear sample, zeros outside.
  private static func sample(_ values: [Double], plane: Int, y: Double, x: Double, height h: Int, width w: Int)
    -> Double
  {
    guard y > -1, x > -1, y < Double(h), x < Double(w) else { return 0 }
    let (y0, x0) = (y.rounded(.down), x.rounded(.down))
    func at(_ i: Double, _ j: Double) -> Double {
      i < 0 || j < 0 || i >= Double(h) || j >= Double(w) ? 0 : values[plane + Int(i) * w + Int(j)]
    }
    let (fy, fx) = (y - y0, x - x0)
    return (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x0 + 1)) + fy
      * ((1 - fx) * at(y0 + 1, x0) + fx * at(y0 + 1, x0 + 1))
  }
}
