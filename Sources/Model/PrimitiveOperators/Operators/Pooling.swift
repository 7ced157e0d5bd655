import Tensors

/// The mean, the largest value, or the p-norm of windows of maps (N, C, …).
struct Pooling: TensorFunction {
  enum Function { case average, maximum, norm }

  let function: Function
  let window: SlidingWindow
  let countsPadding: Bool
  let norm: Int
  let isColumnMajor: Bool
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    function = attributes.name == "AveragePool" ? .average : attributes.name == "MaxPool" ? .maximum : .norm
    window = try SlidingWindow(attributes, roundsUp: attributes.flag("ceil_mode"))
    countsPadding = function == .average ? try attributes.flag("count_include_pad") : false
    norm = function == .norm ? try attributes.integer("p", 2, in: 1...1024) : 0
    isColumnMajor = function == .maximum ? try attributes.flag("storage_order") : false
    outputCount = attributes.outputCount
    guard outputCount <= (function == .maximum ? 2 : 1) else { throw attributes.failure("has \(outputCount) outputs.") }
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 3 else { throw facts.failure("needs maps") }
    guard function == .maximum && type.dtype != .bool || type.dtype.isFloatingPoint else {
      throw facts.failure("needs numbers")
    }
    let axes = try window.axes(rank: type.shape.count - 2)
    let shape = Array(type.shape[..<2]) + (try zip(axes, type.shape[2...]).map { try window.count($0, $1) })
    return Array([ValueType(type.dtype, shape), ValueType(.int64, shape)].prefix(outputCount))
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let spatial = Array(input.shape[2...])
    let axes = try window.axes(rank: spatial.count)
    let places = try WindowPlaces(window, axes, spatial)
    let shape = Array(input.shape[..<2]) + places.counts
    try Tensor.checkSize(input.dtype, shape)
    let values = input.doubles()
    let maps = input.shape[0] * input.shape[1]
    let (plane, positions) = (spatial.reduce(1, *), places.counts.reduce(1, *))
    var out = [Double](repeating: 0, count: maps * positions)
    var indices = [Int64](repeating: 0, count: function == .maximum ? out.count : 0)
    let padded = countsPadding ? try paddedCounts(axes, spatial, places.counts) : []
    places.forEach { position, offsets in
      let inside = offsets.filter { $0 >= 0 }
      for map in 0..<maps {
        let at = map * positions + position
        switch function {
        case .average:
          let sum = inside.reduce(0) { $0 + values[map * plane + $1] }
          out[at] = sum / Double(countsPadding ? padded[position] : inside.count)
        case .norm:
          let sum = inside.reduce(0) { $0 + Mathematics.pow(values[map * plane + $1].magnitude, Double(norm)) }
          out[at] = Mathematics.pow(sum, 1 / Double(norm))
        case .maximum:
          var best = inside.first ?? 0
          for offset in inside.dropFirst() where values[map * plane + offset] > values[map * plane + best] {
            best = offset
          }
          out[at] = inside.isEmpty ? -.infinity : values[map * plane + best]
          indices[at] = Int64(map * plane + (isColumnMajor ? Self.columnMajor(best, spatial) : best))
        }
      }
    }
    let result = try Tensor(dtype: input.dtype, shape: shape, reals: out)
    if outputCount == 1 { return [result] }
    return [result, try Tensor(dtype: .int64, shape: shape, integers: indices)]
  }

  /// Elements of each window that lie in the map or its pads, and not beyond.
  private func paddedCounts(_ axes: [SlidingWindow.Axis], _ sizes: [Int], _ counts: [Int]) throws -> [Int] {
    var out = [1]
    for (i, axis) in axes.enumerated() {
      let (front, back) = (try window.windows(axis, sizes[i]).front, try window.back(axis, sizes[i]))
      let line = (0..<counts[i]).map { o in
        min(axis.kernel, max(0, sizes[i] + back + front - o * axis.stride).dividedUp(by: axis.dilation))
      }
      out = out.flatMap { base in line.map { base * $0 } }
    }
    return out
  }

  private static func columnMajor(_ offset: Int, _ sizes: [Int]) -> Int {
    var (rest, out) = (offset, 0)
    var factors = [Int](repeating: 1, count: sizes.count)
    for i in 1..<max(sizes.count, 1) { factors[i] = factors[i - 1] * sizes[i - 1] }
    for axis in sizes.indices.reversed() {
      out += rest % sizes[axis] * factors[axis]
      rest /= sizes[axis]
    }
    return out
  }
}

/// The mean, the largest value, or the p-norm of whole maps.
struct GlobalPooling: TensorFunction {
  let function: Pooling.Function
  let norm: Int

  init(_ attributes: AttributeReader) throws {
    function = attributes.name == "GlobalAveragePool" ? .average : attributes.name == "GlobalMaxPool" ? .maximum : .norm
    norm = function == .norm ? try attributes.integer("p", 2, in: 1...1024) : 0
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 2 else { throw facts.failure("needs maps") }
    try facts.floating(0)
    return [ValueType(type.dtype, Array(type.shape[..<2]) + type.shape[2...].map { _ in Dimension(1) })]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let plane = input.shape[2...].reduce(1, *)
    let values = input.doubles()
    let out = (0..<input.shape[0] * input.shape[1]).map { map in
      let elements = values[map * plane..<(map + 1) * plane]
      return switch function {
      case .average: elements.reduce(0, +) / Double(plane)
      case .maximum: elements.reduce(-.infinity) { max($0, $1) }
      case .norm:
        Mathematics.pow(elements.reduce(0) { $0 + Mathematics.pow($1.magnitude, Double(norm)) }, 1 / Double(norm))
      }
    }
    return [
      try Tensor(dtype: input.dtype, shape: Array(input.shape[..<2]) + input.shape[2...].map { _ in 1 }, reals: out)
    ]
  }
}

/// Largest values put back to their places, zeros elsewhere.
struct MaxUnpool: TensorFunction {
  let window: SlidingWindow

  init(_ attributes: AttributeReader) throws { window = try SlidingWindow(attributes) }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    guard type.shape.count >= 3, try facts.shape(1).count == type.shape.count else { throw facts.failure("needs maps") }
    if facts.has(2) { return [ValueType(type.dtype, try facts.shapeValue(2))] }
    let axes = try window.axes(rank: type.shape.count - 2)
    let spatial = try zip(axes, type.shape[2...]).map { axis, size in
      try size.plus(-1).times(axis.stride).plus(Dimension(axis.kernel - axis.front - axis.back))
    }
    return [ValueType(type.dtype, Array(type.shape[..<2]) + spatial)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, indices) = (try inputs.required(0), try inputs.required(1))
    guard input.shape == indices.shape else { throw valueError("Values and places have different shapes.") }
    let axes = try window.axes(rank: input.shape.count - 2)
    let natural = try zip(axes, input.shape[2...]).map {
      try Checked.add(Checked.multiply($1 - 1, $0.stride), $0.kernel - $0.front - $0.back)
    }
    let own = Array(input.shape[..<2]) + natural
    let shape = inputs.optional(2) == nil ? own : try inputs.shape(2)
    guard shape.count == own.count, natural.allSatisfy({ $0 >= 0 }) else {
      throw valueError("MaxUnpool cannot make the shape \(shape) of maps of \(natural).")
    }
    try Tensor.checkSize(input.dtype, shape)
    var out = [Double](repeating: 0, count: try Checked.product(shape))
    let (fromPlane, toPlane) = (try Checked.product(natural), shape.dropFirst(2).reduce(1, *))
    let maps = shape[0] * shape[1]
    for (value, index) in zip(input.doubles(), indices.integers()) {
      // Places count in the pooled map's own size.
      let (map, offset) = Int(index).quotientAndRemainder(dividingBy: max(fromPlane, 1))
      guard index >= 0, map < maps, let moved = Self.moved(offset, natural, Array(shape.dropFirst(2))) else {
        throw valueError("Index \(index) is out of range.")
      }
      out[map * toPlane + moved] = value
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: out)]
  }

  /// The place in a map of sizes `to` of a place in one of sizes `from`; nil where there is none.
  private static func moved(_ offset: Int, _ from: [Int], _ to: [Int]) -> Int? {
    let strides = Shapes.strides(to)
    var (rest, out) = (offset, 0)
    for axis in from.indices.reversed() {
      let position = rest % max(from[axis], 1)
      if position >= to[axis] { return nil }
      out += position * strides[axis]
      rest /= max(from[axis], 1)
    }
    return out
  }
}

/// Columns of windows added back into a map.
struct ColumnsToImage: TensorFunction {
  let window: SlidingWindow

  init(_ attributes: AttributeReader) throws { window = try SlidingWindow(attributes) }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let shape = try facts.shape(0, rank: 3...3)
    let image = try facts.shapeValue(1)
    let block = try facts.shapeValue(2)
    guard !image.isEmpty, image.count == block.count else { throw facts.failure("needs sizes of image and block") }
    let taps = try facts.product(block, "taps")
    let channels = try taps.known.map { taps in
      guard taps > 0 else { throw facts.failure("has a block without pixels") }
      return try shape[1].dividedRoundingDown(by: taps)
    }
    return [ValueType(try facts.type(0).dtype, [shape[0], channels ?? facts.unknown("channels")] + image)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, image, block) = (try inputs.required(0), try inputs.shape(1), try inputs.shape(2))
    guard image.count == block.count, block.allSatisfy({ $0 > 0 && $0 <= Limits.maxWindow }) else {
      throw valueError("Col2Im needs sizes of image and block.")
    }
    let places = try WindowPlaces(window, window.axes(rank: image.count, kernel: block), image)
    let taps = try Checked.product(block)
    guard input.shape[1] % taps == 0, input.shape[2] == places.counts.reduce(1, *) else {
      throw valueError("Columns of shape \(input.shape) do not fit an image of \(image) in blocks of \(block).")
    }
    let channels = input.shape[1] / taps
    let shape = [input.shape[0], channels] + image
    try Tensor.checkSize(input.dtype, shape)
    let plane = image.reduce(1, *)
    let values = input.doubles()
    var out = [Double](repeating: 0, count: shape.reduce(1, *))
    places.forEach { position, offsets in
      for map in 0..<input.shape[0] * channels {
        for (tap, offset) in offsets.enumerated() where offset >= 0 {
          out[map * plane + offset] += values[(map * taps + tap) * input.shape[2] + position]
        }
      }
    }
    return [try Tensor(dtype: input.dtype, shape: shape, reals: out)]
  }
}
