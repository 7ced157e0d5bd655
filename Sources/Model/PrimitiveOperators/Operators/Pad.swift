import Tensors

/// Axes made longer (or, by negative pads, shorter) on both sides.
struct Pad: TensorFunction {
  /// What stands beyond the edge.
  enum Mode: String, Sendable { case constant, reflect, edge, wrap }

  let mode: Mode
  let fixedPads: [Int]?
  let fixedValue: Double

  init(_ attributes: AttributeReader) throws {
    let names = ["constant", "reflect", "edge", "wrap"]
    mode = Mode(rawValue: try attributes.choice("mode", "constant", of: names)) ?? .constant
    fixedPads = try attributes.integers("pads")
    fixedValue = try attributes.real("value", 0)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    let rank = type.shape.count
    guard facts.has(3) ? facts.integers(3) != nil : true else {
      return [ValueType(type.dtype, (0..<rank).map { facts.unknown("axis \($0)") })]
    }
    let axes = try facts.axes(facts.integers(3) ?? Array(0..<rank), rank: rank)
    guard let pads = fixedPads?.map({ Dimension($0) }) ?? facts.value(1)?.sizes else {
      return [
        ValueType(type.dtype, (0..<rank).map { axes.contains($0) ? facts.unknown("axis \($0)") : type.shape[$0] })
      ]
    }
    guard pads.count == 2 * axes.count else { throw facts.failure("has \(pads.count) pads for \(axes.count) axes") }
    var shape = type.shape
    for (i, axis) in axes.enumerated() {
      shape[axis] = try shape[axis].plus(pads[i]).plus(pads[i + axes.count])
      guard (shape[axis].known ?? 0) >= 0 else { throw facts.failure("takes more away than axis \(axis) has") }
    }
    return [ValueType(type.dtype, shape)]
  }

  /// The pads before and after every axis.
  func pads(_ inputs: [Tensor?], rank: Int) throws -> (front: [Int], back: [Int]) {
    let facts = Facts("Pad")
    let axes = try facts.axes(inputs.integers(3) ?? Array(0..<rank), rank: rank)
    let pads = try fixedPads ?? inputs.required(1).integers().map { Int($0) }
    guard pads.count == 2 * axes.count, pads.allSatisfy({ $0.magnitude <= Limits.maxDimension }) else {
      throw valueError("Pad has pads \(pads.prefix(16)) for \(axes.count) axes.")
    }
    var (front, back) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
    for (i, axis) in axes.enumerated() { (front[axis], back[axis]) = (pads[i], pads[i + axes.count]) }
    return (front, back)
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let (front, back) = try pads(inputs, rank: input.shape.count)
    let shape = zip(input.shape, zip(front, back)).map { $0 + $1.0 + $1.1 }
    try Tensor.checkSize(input.dtype, shape)
    // For each axis the source of every position, or −1 beyond the edge.
    let sources = try input.shape.indices.map { axis in
      try (0..<shape[axis]).map { try Self.source($0 - front[axis], input.shape[axis], mode) }
    }
    let fill = try inputs.optional(2) ?? Tensor(dtype: input.dtype, shape: [], reals: [fixedValue])
    guard fill.elementCount == 1, fill.dtype == input.dtype else {
      throw valueError("Pad needs one value of its type.")
    }
    let strides = Shapes.strides(input.shape)
    let size = input.dtype.byteCount
    return [
      try Tensor(checked: input.dtype, shape: shape) { out in
        input.withUnsafeBytes { bytes in
          fill.withUnsafeBytes { value in
            guard let from = bytes.baseAddress, let to = out.baseAddress, let value = value.baseAddress else { return }
            Self.copy(
              from, to: to, shape: shape, sources: sources, strides: strides, elementSize: size, padding: value)
          }
        }
      }
    ]
  }

  private static func copy(
    _ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, shape: [Int], sources: [[Int]], strides: [Int],
    elementSize size: Int, padding value: UnsafeRawPointer
  ) {
    let count = shape.reduce(1, *)
    var position = [Int](repeating: 0, count: shape.count)
    for index in 0..<count {
      var offset = 0
      for axis in shape.indices {
        let source = sources[axis][position[axis]]
        if source < 0 {
          offset = -1
          break
        }
        offset += source * strides[axis]
      }
      (to + index * size).copyMemory(from: offset < 0 ? value : from + offset * size, byteCount: size)
      var axis = shape.count - 1
      while axis >= 0 {
        position[axis] += 1
        if position[axis] < shape[axis] { break }
        position[axis] = 0
        axis -= 1
      }
    }
  }

  /// The position whose value stands at `position`, which may lie beyond the edges of `size` elements.
  static func source(_ position: Int, _ size: Int, _ mode: Mode) throws -> Int {
    if position >= 0, position < size { return position }
    if mode == .constant { return -1 }
    guard size > 0 else { throw valueError("An axis without elements can only be padded with a constant.") }
    switch mode {
    case .edge, .constant: return position < 0 ? 0 : size - 1
    case .wrap: return (position % size + size) % size
    case .reflect:
      if size == 1 { return 0 }
      let period = 2 * (size - 1)
      let at = (position % period + period) % period
      return at < size ? at : period - at
    }
  }
}

/// Axes cut or padded with zeros about their centre to given sizes.
struct CenterCropPad: TensorFunction {
  let axes: [Int]?

  init(_ attributes: AttributeReader) throws { axes = try attributes.integers("axes") }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    let axes = try facts.axes(axes ?? Array(type.shape.indices), rank: type.shape.count)
    let sizes = try facts.shapeValue(1)
    guard sizes.count == axes.count else { throw facts.failure("needs a size for each of \(axes.count) axes") }
    var shape = type.shape
    for (axis, size) in zip(axes, sizes) { shape[axis] = size }
    return [ValueType(type.dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let facts = Facts("CenterCropPad")
    let axes = try facts.axes(axes ?? Array(input.shape.indices), rank: input.shape.count)
    let sizes = try inputs.shape(1)
    guard sizes.count == axes.count else { throw valueError("CenterCropPad has \(sizes.count) sizes.") }
    var shape = input.shape
    for (axis, size) in zip(axes, sizes) { shape[axis] = size }
    let own = Shapes.strides(input.shape)
    let strides = Shapes.strides(shape)
    var (from, to) = (0, 0)
    for axis in shape.indices {
      let difference = shape[axis] - input.shape[axis]
      if difference > 0 { to += difference / 2 * strides[axis] } else { from += -difference / 2 * own[axis] }
    }
    let common = zip(shape, input.shape).map { min($0, $1) }
    let part = try Strided.gather(input, shape: common, strides: own, offset: common.contains(0) ? 0 : from)
    return [
      try Tensor(checked: input.dtype, shape: shape) { Strided.scatter(part, into: $0, strides: strides, offset: to) }
    ]
  }
}
