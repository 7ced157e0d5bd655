import Tensors

/// Maps at another size.
struct Resize: TensorFunction {
  enum Mode: String { case nearest, linear, cubic }

  let mode: Mode
  let coordinates: String
  let rounding: String
  let cubic: Double
  let excludesOutside: Bool
  let extrapolation: Double
  let antialias: Bool
  let axes: [Int]?
  let policy: String
  /// Upsample: the second input (or an attribute) has the scales.
  let isUpsample: Bool
  let fixedScales: [Double]?

  init(_ attributes: AttributeReader) throws {
    isUpsample = attributes.name == "Upsample"
    mode =
      Mode(rawValue: try attributes.choice("mode", "nearest", of: ["nearest", "linear", "cubic", "bilinear"]))
      ?? .linear
    fixedScales = try attributes.reals("scales")
    coordinates = try attributes.choice(
      "coordinate_transformation_mode", isUpsample ? "asymmetric" : "half_pixel",
      of: [
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
        "tf_half_pixel_for_nn",
      ])
    rounding = try attributes.choice(
      "nearest_mode", isUpsample ? "floor" : "round_prefer_floor",
      of: ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    cubic = try attributes.real("cubic_coeff_a", -0.75)
    excludesOutside = try attributes.flag("exclude_outside")
    extrapolation = try attributes.real("extrapolation_value", 0)
    antialias = try attributes.flag("antialias")
    axes = try attributes.integers("axes", in: -Limits.maxPrimitiveRank...Limits.maxPrimitiveRank)
    policy = try attributes.choice("keep_aspect_ratio_policy", "stretch", of: ["stretch", "not_larger", "not_smaller"])
  }

  private var scaleInput: Int { isUpsample ? 1 : 2 }

  /// Scale and size along an axis.
  struct Plan {
    var scale: Double
    var size: Dimension
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.dtype != .bool else { throw facts.failure("needs numbers") }
    let axes = try facts.axes(axes ?? Array(type.shape.indices), rank: type.shape.count)
    var shape = type.shape
    if facts.has(3) {
      let sizes = try facts.shapeValue(3)
      guard sizes.count == axes.count else { throw facts.failure("needs a size for each of \(axes.count) axes") }
      if policy == "stretch" {
        for (axis, size) in zip(axes, sizes) { shape[axis] = size }
      } else if let input = known(shape), let target = known(sizes) {
        for (axis, size) in zip(axes, keptAspect(axes.map { input[$0] }, target).sizes) {
          shape[axis] = Dimension(size)
        }
      } else {
        for axis in axes { shape[axis] = facts.unknown("axis\(axis)") }
      }
    } else if let scales = fixedScales ?? facts.value(scaleInput)?.tensor?.doubles() {
      guard scales.count == axes.count else { throw facts.failure("needs a scale for each of \(axes.count) axes") }
      try checkResizeScales(scales)
      for (axis, scale) in zip(axes, scales) {
        shape[axis] = try scaled(shape[axis], scale) ?? facts.unknown("axis\(axis)")
      }
    } else {
      guard facts.has(scaleInput) else { throw facts.failure("needs scales or sizes") }
      for axis in axes { shape[axis] = facts.unknown("axis\(axis)") }
    }
    return [ValueType(type.dtype, shape)]
  }

  private func known(_ sizes: [Dimension]) -> [Int]? {
    let known = sizes.compactMap(\.known)
    return known.count == sizes.count ? known : nil
  }

  private func checkResizeScales(_ scales: [Double]) throws {
    guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw valueError("Scales are \(scales.prefix(8)); each must be positive and finite.")
    }
  }

  /// The size times a scale, rounded down.
  private func scaled(_ size: Dimension, _ scale: Double) throws -> Dimension? {
    if let size = size.known {
      let product = (Double(size) * scale).rounded(.down)
      guard product <= Double(Limits.maxDimension) else {
        throw EVSSMError(
          "limit.exceeded", "A size of \(size) times \(scale) is over the limit of \(Limits.maxDimension).",
          limit: "max_dimension")
      }
      return Dimension(Int(product))
    }
    if scale == scale.rounded(), scale <= 1024 { return try size.times(Int(scale)) }
    let inverse = (1 / scale).rounded()
    return inverse >= 2 && inverse <= 1024 && (1 / inverse - scale).magnitude < 1e-9
      ? try size.dividedRoundingDown(by: Int(inverse)) : nil
  }

  private func keptAspect(_ sizes: [Int], _ target: [Int]) -> (scale: Double, sizes: [Int]) {
    let ratios = zip(target, sizes).map { Double($0) / Double($1) }
    let scale = (policy == "not_larger" ? ratios.min() : ratios.max()) ?? 1
    return (
      scale,
      sizes.map {
        Int(min((Double($0) * scale).rounded(.toNearestOrAwayFromZero), Double(Limits.maxDimension)).saturatedInteger)
      }
    )
  }

  /// Scale and size of every axis of an input of `shape`.
  func plans(_ shape: [Int], _ inputs: [Tensor?]) throws -> [(scale: Double, size: Int)] {
    let axes = try Facts("Resize").axes(axes ?? Array(shape.indices), rank: shape.count)
    var plans = shape.map { (scale: 1.0, size: $0) }
    if inputs.optional(3) != nil {
      let target = try inputs.shape(3)
      guard target.count == axes.count else {
        throw valueError("Resize has \(target.count) sizes for \(axes.count) axes.")
      }
      let kept = keptAspect(axes.map { shape[$0] }, target)
      for (i, axis) in axes.enumerated() {
        let size = policy == "stretch" ? target[i] : kept.sizes[i]
        plans[axis] = (policy == "stretch" ? Double(size) / Double(max(shape[axis], 1)) : kept.scale, size)
      }
      return plans
    }
    let scales = try fixedScales ?? inputs.required(scaleInput).doubles()
    guard scales.count == axes.count else {
      throw valueError("Resize has \(scales.count) scales for \(axes.count) axes.")
    }
    try checkResizeScales(scales)
    for (axis, scale) in zip(axes, scales) {
      plans[axis] = (scale, try scaled(Dimension(shape[axis]), scale)?.known ?? 0)
    }
    return plans
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let plans = try plans(input.shape, inputs)
    let shape = plans.map(\.size)
    try Tensor.checkSize(input.dtype, shape)
    guard !input.shape.contains(0) else {
      guard shape.contains(0) else { throw valueError("No map can be made of one without elements.") }
      return [try Tensor(dtype: input.dtype, shape: shape, reals: [])]
    }
    let axes = try Facts("Resize").axes(axes ?? Array(input.shape.indices), rank: input.shape.count)
    let region = coordinates == "tf_crop_and_resize" ? try inputs.required(1).doubles() : []
    guard region.isEmpty || region.count == 2 * axes.count else {
      throw valueError("Resize needs a region of interest.")
    }
    var values = input.doubles()
    var current = input.shape
    var outside = [Bool](repeating: false, count: shape.reduce(1, *))
    for axis in shape.indices where current[axis] != shape[axis] || plans[axis].scale != 1 || !region.isEmpty {
      let index = axes.firstIndex(of: axis)
      let bounds = index.flatMap { i in region.isEmpty ? nil : (region[i], region[i + axes.count]) }
      let taps = (0..<shape[axis]).map {
        self.taps($0, size: current[axis], scale: plans[axis].scale, target: shape[axis], region: bounds)
      }
      values = Self.apply(taps, values, Lines(current, axis: axis))
      current[axis] = shape[axis]
      if coordinates == "tf_crop_and_resize" {
        let lines = Lines(shape, axis: axis)
        for i in outside.indices where taps[i / max(lines.inner, 1) % lines.size].isOutside { outside[i] = true }
      }
    }
    for i in values.indices where outside[i] { values[i] = extrapolation }
    if !input.dtype.isFloatingPoint {
      let range = input.dtype.realRange
      values = values.map { min(max($0.rounded(.toNearestOrEven), range.lowerBound), range.upperBound) }
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: values)]
  }

  struct Taps {
    var places: [Int]
    var weights: [Double]
    var isOutside = false
  }

  private static func apply(_ taps: [Taps], _ values: [Double], _ lines: Lines) -> [Double] {
    var out = [Double](repeating: 0, count: lines.outer * taps.count * lines.inner)
    for o in 0..<lines.outer {
      for (position, tap) in taps.enumerated() {
        for (place, weight) in zip(tap.places, tap.weights) {
          let (from, to) = ((o * lines.size + place) * lines.inner, (o * taps.count + position) * lines.inner)
          for i in 0..<lines.inner { out[to + i] += weight * values[from + i] }
        }
      }
    }
    return out
  }

  /// Where position `x` of the result lies in the input.
  private func origin(_ x: Int, size: Int, scale: Double, target: Int, region: (Double, Double)?) -> Double {
    let x = Double(x)
    // Sizes and scales may disagree by a fraction: the scale counts, and `length` is what it makes of the size.
    let length = scale * Double(size)
    switch coordinates {
    case "align_corners": return length <= 1 || target == 1 ? 0 : x * Double(size - 1) / (length - 1)
    case "asymmetric": return x / scale
    case "pytorch_half_pixel": return target == 1 ? -0.5 : (x + 0.5) / scale - 0.5
    case "tf_half_pixel_for_nn": return (x + 0.5) / scale
    case "half_pixel_symmetric":
      let adjustment = Double(target) / length
      let centre = Double(size) / 2
      return centre * (1 - adjustment) + (x + 0.5) / scale - 0.5
    case "tf_crop_and_resize":
      let (start, end) = region ?? (0, 1)
      if target == 1 { return 0.5 * (start + end) * Double(size - 1) }
      return start * Double(size - 1) + x * (end - start) * Double(size - 1) / Double(target - 1)
    default: return (x + 0.5) / scale - 0.5
    }
  }

  /// The places that position `x` of the result is made of, and their weights.
  func taps(_ x: Int, size: Int, scale: Double, target: Int, region: (Double, Double)?) -> Taps {
    let origin = origin(x, size: size, scale: scale, target: target, region: region)
    let isOutside = coordinates == "tf_crop_and_resize" && !(origin >= 0 && origin <= Double(size - 1))
    // Places far beyond the edges, as a hostile region has them, all weigh on the edge.
    let at = origin.isNaN ? 0 : min(max(origin, -Double(size) - 4), 2 * Double(size) + 4)
    func clamped(_ place: Double) -> Int { Int(min(max(place, 0), Double(size - 1))) }
    if mode == .nearest {
      return Taps(places: [clamped(nearest(at))], weights: [1], isOutside: isOutside)
    }
    let shrink = antialias && scale < 1 ? scale : 1
    let reach = min((mode == .linear ? 1.0 : 2.0) / shrink, 2 * Double(size) + 4)
    var first = (at - reach).rounded(.down) + 1
    var last = (at + reach).rounded(.up) - 1
    if !antialias {
      first = at.rounded(.down) - (mode == .linear ? 0 : 1)
      last = at.rounded(.down) + (mode == .linear ? 1 : 2)
    }
    var taps = Taps(places: [], weights: [], isOutside: isOutside)
    var total = 0.0
    for place in Int(first.saturatedInteger)...max(Int(first.saturatedInteger), Int(last.saturatedInteger)) {
      let weight = kernel((Double(place) - at) * shrink)
      if weight == 0 { continue }
      let isInside = place >= 0 && place < size
      if excludesOutside && !isInside { continue }
      taps.places.append(clamped(Double(place)))
      taps.weights.append(weight)
      total += weight
    }
    if antialias || excludesOutside, total != 0 { taps.weights = taps.weights.map { $0 / total } }
    return taps
  }

  private func nearest(_ at: Double) -> Double {
    switch rounding {
    case "floor": at.rounded(.down)
    case "ceil": at.rounded(.up)
    case "round_prefer_ceil": (at + 0.5).rounded(.down)
    default: (at - 0.5).rounded(.up)
    }
  }

  private func kernel(_ distance: Double) -> Double {
    let d = distance.magnitude
    if mode == .linear { return max(0, 1 - d) }
    if d <= 1 { return ((cubic + 2) * d - (cubic + 3)) * d * d + 1 }
    return d < 2 ? ((cubic * d - 5 * cubic) * d + 8 * cubic) * d - 4 * cubic : 0
  }
}

/// Maps looked up at given coordinates between −1 and 1.
struct GridSample: TensorFunction {
  let mode: Resize.Mode
  let padding: String
  let alignsCorners: Bool

  init(_ attributes: AttributeReader) throws {
    let mode = try attributes.choice("mode", "linear", of: ["linear", "bilinear", "nearest", "cubic", "bicubic"])
    self.mode = mode == "nearest" ? .nearest : mode.hasSuffix("cubic") ? .cubic : .linear
    padding = try attributes.choice("padding_mode", "zeros", of: ["zeros", "border", "reflection"])
    alignsCorners = try attributes.flag("align_corners")
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (input, grid) = (try facts.type(0), try facts.type(1))
    try facts.floating(1)
    // A cubic sample has four taps an axis.
    guard (3...8).contains(input.shape.count), grid.shape.count == input.shape.count, grid.dtype.isFloatingPoint,
      (grid.shape.last?.known ?? input.shape.count - 2) == input.shape.count - 2
    else { throw facts.failure("needs a grid of coordinates") }
    let batch = try facts.same(input.shape[0], grid.shape[0], "batches")
    return [ValueType(input.dtype, [batch, input.shape[1]] + Array(grid.shape[1..<grid.shape.count - 1]))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, grid) = (try inputs.required(0), try inputs.required(1))
    let sizes = Array(input.shape[2...])
    let rank = sizes.count
    guard grid.shape.last == rank, grid.shape[0] == input.shape[0], !sizes.contains(0) else {
      throw valueError("A grid of shape \(grid.shape) does not fit maps of shape \(input.shape).")
    }
    let shape = Array(input.shape[..<2]) + Array(grid.shape[1...rank])
    try Tensor.checkSize(input.dtype, shape)
    let (values, points) = (input.doubles(), grid.doubles())
    let (plane, count, channels) = (sizes.reduce(1, *), shape[2...].reduce(1, *), input.shape[1])
    var out = [Double](repeating: 0, count: shape.reduce(1, *))
    for n in 0..<input.shape[0] {
      for point in 0..<count {
        // The grid's last axis has x first.
        let taps = (0..<rank).map { axis in
          self.taps(points[(n * count + point) * rank + rank - 1 - axis], sizes[axis])
        }
        var places = [(0, 1.0)]
        for (axis, line) in taps.enumerated() {
          places = places.flatMap { base, weight in
            line.map { (base < 0 || $0.0 < 0 ? -1 : base * sizes[axis] + $0.0, weight * $0.1) }
          }
        }
        for c in 0..<channels {
          let start = (n * channels + c) * plane
          out[(n * channels + c) * count + point] = places.reduce(0) {
            $1.0 < 0 ? $0 : $0 + values[start + $1.0] * $1.1
          }
        }
      }
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: out)]
  }

  /// The places along an axis and their weights for a coordinate; −1 where zeros are.
  private func taps(_ coordinate: Double, _ size: Int) -> [(Int, Double)] {
    let length = Double(size)
    var at = alignsCorners ? (coordinate + 1) / 2 * (length - 1) : ((coordinate + 1) * length - 1) / 2
    if padding == "border" && mode != .cubic { at = min(max(at, 0), length - 1) }
    if padding == "reflection" && mode != .cubic { at = reflected(at, length) }
    guard at.isFinite, at.magnitude < 0x1p52 else { return [(-1, 0)] }
    if mode == .nearest { return [(place(at.rounded(.toNearestOrEven), size), 1)] }
    let first = at.rounded(.down)
    let f = at - first
    if mode == .linear { return [(place(first, size), 1 - f), (place(first + 1, size), f)] }
    return (-1...2).map { (place(first + Double($0), size), Self.cubic((f - Double($0)).magnitude)) }
  }

  private static func cubic(_ d: Double) -> Double {
    let a = -0.75
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }

  private func place(_ at: Double, _ size: Int) -> Int {
    let length = Double(size)
    if at >= 0, at < length { return Int(at) }
    switch padding {
    case "border": return at < 0 ? 0 : size - 1
    case "reflection": return Int(min(max(reflected(at, length).rounded(.toNearestOrEven), 0), length - 1))
    default: return -1
    }
  }

  private func reflected(_ at: Double, _ length: Double) -> Double {
    let (low, high) = alignsCorners ? (0, length - 1) : (-0.5, length - 0.5)
    let span = high - low
    guard span > 0, at.isFinite else { return 0 }
    let distance = (at - low).magnitude.truncatingRemainder(dividingBy: 2 * span)
    return low + (distance <= span ? distance : 2 * span - distance)
  }
}

/// The coordinates at which GridSample looks up an affine map of a picture.
struct AffineGrid: TensorFunction {
  let alignsCorners: Bool

  init(_ attributes: AttributeReader) throws { alignsCorners = try attributes.flag("align_corners") }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    try facts.floating(0)
    let size = try facts.shapeValue(1)
    guard size.count == 4 || size.count == 5, type.shape.count == 3 else {
      throw facts.failure("needs a size of 4 or 5 axes")
    }
    return [ValueType(type.dtype, [size[0]] + size[2...] + [Dimension(size.count - 2)])]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (theta, size) = (try inputs.required(0), try inputs.shape(1))
    guard size.count == 4 || size.count == 5 else { throw valueError("AffineGrid needs a size of 4 or 5 axes.") }
    let rank = size.count - 2
    guard theta.shape == [size[0], rank, rank + 1] else {
      throw valueError("AffineGrid has matrices of shape \(theta.shape).")
    }
    let spatial = Array(size[2...])
    let shape = [size[0]] + spatial + [rank]
    try Tensor.checkSize(theta.dtype, shape)
    let matrices = theta.doubles()
    let count = spatial.reduce(1, *)
    var out = [Double](repeating: 0, count: shape.reduce(1, *))
    for n in 0..<size[0] {
      for point in 0..<count {
        var rest = point
        var coordinates = [Double](repeating: 1, count: rank + 1)
        for axis in spatial.indices.reversed() {
          coordinates[rank - 1 - axis] = coordinate(rest % spatial[axis], spatial[axis])
          rest /= spatial[axis]
        }
        for row in 0..<rank {
          let start = (n * rank + row) * (rank + 1)
          out[(n * count + point) * rank + row] = (0...rank).reduce(0) { $0 + matrices[start + $1] * coordinates[$1] }
        }
      }
    }
    return [try Tensor(dtype: theta.dtype, shape: shape, reals: out)]
  }

  private func coordinate(_ position: Int, _ size: Int) -> Double {
    if alignsCorners { return size == 1 ? 0 : -1 + 2 * Double(position) / Double(size - 1) }
    return (2 * Double(position) + 1) / Double(size) - 1
  }
}
