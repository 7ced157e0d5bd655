import Tensors

/// Axes in another order.
struct Transpose: TensorFunction {
  /// Axis `permutation[i]` of the input becomes axis i; nil: all reversed.
  let permutation: [Int]?

  init(_ attributes: AttributeReader) throws {
    permutation = try attributes.integers("perm", in: 0...Limits.maxPrimitiveRank)
  }

  /// The permutation for an input of `rank` axes.
  func order(rank: Int) throws -> [Int] {
    let order = permutation ?? Array((0..<rank).reversed())
    guard order.sorted() == Array(0..<rank) else {
      throw EVSSMError("graph.attribute", "Transpose has perm \(order) for \(rank) axes.")
    }
    return order
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    return [ValueType(type.dtype, try order(rank: type.shape.count).map { type.shape[$0] })]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let order = try order(rank: input.shape.count)
    let strides = Shapes.strides(input.shape)
    return [try Strided.gather(input, shape: order.map { input.shape[$0] }, strides: order.map { strides[$0] })]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] { try moved(facts) }
}

/// A value stretched to a shape: axes of size 1 repeat.
struct Expand: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    return [ValueType(type.dtype, try facts.broadcast([type.shape, facts.shapeValue(1)]))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, target) = (try inputs.required(0), try inputs.shape(1))
    let shape = try Shapes.broadcast([input.shape, target])
    return [try Strided.gather(input, shape: shape, strides: try Shapes.broadcastStrides(input.shape, to: shape))]
  }

  func propagate(_ facts: Facts) throws -> [KnownValue?] {
    guard let sizes = facts.value(0)?.sizes, sizes.count == 1, let count = try facts.shapeValue(1).first?.known,
      try facts.shapeValue(1).count == 1, count <= 256
    else { return [] }
    return [.sizes(Array(repeating: sizes[0], count: count), isScalar: false)]
  }
}

/// A value repeated along each axis.
struct Tile: TensorFunction {
  init(_ attributes: AttributeReader) throws {}

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    let repeats = try facts.shapeValue(1)
    guard repeats.count == type.shape.count else { throw facts.failure("needs a count of repeats an axis") }
    return [ValueType(type.dtype, try zip(type.shape, repeats).map { try $0.times($1) })]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, repeats) = (try inputs.required(0), try inputs.shape(1))
    guard repeats.count == input.shape.count else { throw valueError("Tile has \(repeats.count) counts of repeats.") }
    let shape = try zip(input.shape, repeats).map { try Checked.multiply($0, $1) }
    // Each axis becomes two, (repeats, size), the first of which stands still.
    let strides = Shapes.strides(input.shape)
    let split = zip(repeats, input.shape).flatMap { [$0, $1] }
    try Tensor.checkSize(input.dtype, shape)
    let tiled = try Strided.gather(input, shape: split, strides: strides.flatMap { [0, $0] })
    return [try tiled.reshaped(shape)]
  }
}

/// Blocks of channels to blocks of pixels.
struct DepthToSpace: TensorFunction {
  let block: Int
  /// Whether the block's position is the slower part of the channel (DCR), as in TensorFlow; else the faster (CRD), as
  /// PyTorch's pixel shuffle.
  let isDepthFirst: Bool

  init(_ attributes: AttributeReader) throws {
    block = try attributes.integer("blocksize", 0, in: 1...Limits.maxBlockSize)
    isDepthFirst = try attributes.choice("mode", "DCR", of: ["DCR", "CRD"]) == "DCR"
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let shape = try facts.shape(0, rank: 4...4)
    if let channels = shape[1].known, channels % (block * block) != 0 {
      throw facts.failure("needs channels that are a multiple of \(block * block)")
    }
    let channels = try shape[1].dividedRoundingDown(by: block * block)
    return [
      ValueType(try facts.type(0).dtype, [shape[0], channels, try shape[2].times(block), try shape[3].times(block)])
    ]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let (n, c, h, w) = (input.shape[0], input.shape[1], input.shape[2], input.shape[3])
    guard c % (block * block) == 0 else { throw valueError("\(c) channels are no multiple of \(block * block).") }
    let depth = c / (block * block)
    let plane = h * w
    // Output axes: n, depth, row, block row, column, block column.
    let (blockRow, blockColumn, channel) =
      isDepthFirst ? (block * depth, depth, 1) : (block, 1, block * block)
    let shape = [n, depth, h, block, w, block]
    let strides = [c * plane, channel * plane, w, blockRow * plane, 1, blockColumn * plane]
    return [try Strided.gather(input, shape: shape, strides: strides).reshaped([n, depth, h * block, w * block])]
  }
}

/// Blocks of pixels to blocks of channels.
struct SpaceToDepth: TensorFunction {
  let block: Int
  let isDepthFirst: Bool

  init(_ attributes: AttributeReader) throws {
    block = try attributes.integer("blocksize", 0, in: 1...Limits.maxBlockSize)
    isDepthFirst = try attributes.choice("mode", "DCR", of: ["DCR", "CRD"]) == "DCR"
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let shape = try facts.shape(0, rank: 4...4)
    for axis in [2, 3] {
      if let size = shape[axis].known, size % block != 0 { throw facts.failure("needs sizes in multiples of \(block)") }
    }
    return [
      ValueType(
        try facts.type(0).dtype,
        [
          shape[0], try shape[1].times(block * block), try shape[2].dividedRoundingDown(by: block),
          try shape[3].dividedRoundingDown(by: block),
        ])
    ]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let (n, c, h, w) = (input.shape[0], input.shape[1], input.shape[2], input.shape[3])
    guard h % block == 0, w % block == 0 else { throw valueError("\(h) × \(w) is no multiple of \(block).") }
    let position = [(block, w), (block, 1)]
    let channel = [(c, h * w)]
    let axes =
      [(n, c * h * w)] + (isDepthFirst ? position + channel : channel + position)
      + [(h / block, w * block), (w / block, block)]
    let shape = [n, c * block * block, h / block, w / block]
    return [try Strided.gather(input, shape: axes.map(\.0), strides: axes.map(\.1)).reshaped(shape)]
  }
}

extension Limits {
  /// Side of a block of pixels that becomes channels.
  static let maxBlockSize = 1 << 15
}

extension Tensor {
  /// The same elements under another shape.
  func reshaped(_ shape: [Int]) throws -> Tensor {
    guard try Checked.product(shape) == elementCount else {
      throw valueError("\(elementCount) elements do not fill the shape \(shape).")
    }
    return try Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: byteOffset)
  }
}

extension [Tensor?] {
  /// Input `index` as a list of sizes that are not negative.
  func shape(_ index: Int) throws -> [Int] {
    let sizes = try required(index).integers().map { Int($0) }
    guard sizes.count <= Limits.maxPrimitiveRank, sizes.allSatisfy({ $0 >= 0 && $0 <= Limits.maxDimension }) else {
      throw valueError("Input \(index) is no shape: \(sizes.prefix(16)).")
    }
    return sizes
  }

  /// Input `index` as integers, or nil where it was left out.
  func integers(_ index: Int) -> [Int]? { optional(index)?.integers().map { Int($0) } }
}
