import Tensors

/// What a convolution adds up, in any kind of number.
struct ConvolutionShape {
  let groups: Int
  let batch, channels, outputs: Int
  let places: WindowPlaces
  let plane: Int
  let outputShape: [Int]

  init(_ window: SlidingWindow, _ groups: Int, _ input: [Int], _ weight: [Int]) throws {
    guard input.count >= 3, weight.count == input.count else {
      throw valueError("A convolution of shapes \(input) and \(weight) is not defined.")
    }
    guard weight[0] % groups == 0, try Checked.multiply(weight[1], groups) == input[1] else {
      throw valueError("Weights of shape \(weight) in \(groups) groups do not fit \(input[1]) channels.")
    }
    self.groups = groups
    (batch, channels, outputs) = (input[0], input[1], weight[0])
    let spatial = Array(input[2...])
    places = try WindowPlaces(window, window.axes(rank: spatial.count, kernel: Array(weight[2...])), spatial)
    plane = spatial.reduce(1, *)
    outputShape = [batch, outputs] + places.counts
  }

  /// The sums over each window, channel by channel and tap by tap.
  func sums<Value: AdditiveArithmetic>(
    _ input: [Value], _ weight: [Value], _ add: (inout Value, Value, Value) -> Void
  ) -> [Value] {
    var out = [Value](repeating: .zero, count: outputShape.reduce(1, *))
    let (perGroup, inputsPerGroup) = (outputs / groups, channels / groups)
    let positions = places.counts.reduce(1, *)
    places.forEach { position, offsets in
      for n in 0..<batch {
        for o in 0..<outputs {
          var sum = Value.zero
          for c in 0..<inputsPerGroup {
            let plane = (n * channels + o / perGroup * inputsPerGroup + c) * plane
            let taps = (o * inputsPerGroup + c) * offsets.count
            for (tap, offset) in offsets.enumerated() where offset >= 0 {
              add(&sum, input[plane + offset], weight[taps + tap])
            }
          }
          out[(n * outputs + o) * positions + position] = sum
        }
      }
    }
    return out
  }
}

extension Facts {
  /// The shape of a convolution's output.
  func convolutionShape(_ window: SlidingWindow, _ groups: Int, _ weight: Int = 1) throws -> [Dimension] {
    let (input, weight) = (try shape(0), try shape(weight))
    guard input.count >= 3, weight.count == input.count else { throw failure("needs maps and weights of as many axes") }
    let kernel = weight[2...].compactMap(\.known)
    guard let outputs = weight[0].known, let depth = weight[1].known, kernel.count == input.count - 2 else {
      throw failure("needs weights of known sizes")
    }
    guard outputs % groups == 0, try input[1].known.map({ try Checked.multiply(depth, groups) == $0 }) ?? true else {
      throw failure("has \(groups) groups, which do not divide the channels")
    }
    guard kernel.allSatisfy({ $0 > 0 }) else { throw failure("has a kernel without taps") }
    let axes = try window.axes(rank: kernel.count, kernel: kernel)
    return [input[0], Dimension(outputs)] + (try zip(axes, input[2...]).map { try window.count($0, $1) })
  }

  /// Throws unless input `index` is missing or a vector of `count` elements.
  func vector(_ index: Int, _ count: Dimension) throws {
    guard has(index) else { return }
    let shape = try shape(index)
    guard shape.count == 1 else { throw failure("needs a vector as input \(index)") }
    _ = try same(shape[0], count, "input \(index)")
  }
}

/// Sums over windows of maps (N, C, …) with a weight for each output channel, in groups of channels.
struct Convolution: TensorFunction {
  let window: SlidingWindow
  let groups: Int

  init(_ attributes: AttributeReader) throws {
    window = try SlidingWindow(attributes)
    groups = try attributes.integer("group", 1, in: 1...Limits.maxWindow)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    try facts.floating(0)
    try facts.sameType(1)
    try facts.sameType(2)
    let shape = try facts.convolutionShape(window, groups)
    try facts.vector(2, shape[1])
    return [ValueType(try facts.type(0).dtype, shape)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, weight) = (try inputs.required(0), try inputs.required(1))
    let shape = try ConvolutionShape(window, groups, input.shape, weight.shape)
    try Tensor.checkSize(input.dtype, shape.outputShape)
    var sums = shape.sums(input.doubles(), weight.doubles()) { $0 += $1 * $2 }
    if let bias = inputs.optional(2)?.doubles() {
      let plane = shape.places.counts.reduce(1, *)
      for i in sums.indices { sums[i] += bias[i / plane % shape.outputs] }
    }
    return [try Tensor(dtype: input.dtype, shape: shape.outputShape, reals: sums)]
  }
}

/// The transpose of a convolution: every input pixel adds a weighted kernel to the output.
struct TransposedConvolution: TensorFunction {
  let window: SlidingWindow
  let groups: Int
  let outputPadding: [Int]?
  let outputShape: [Int]?

  init(_ attributes: AttributeReader) throws {
    window = try SlidingWindow(attributes)
    groups = try attributes.integer("group", 1, in: 1...Limits.maxWindow)
    outputPadding = try attributes.integers("output_padding", in: 0...Limits.maxWindow)
    outputShape = try attributes.integers("output_shape", in: 1...Limits.maxWindow)
  }

  /// Size of the output along an axis, and the pad in front.
  private func size(_ axis: SlidingWindow.Axis, at index: Int, rank: Int, _ size: Dimension) throws -> (
    Dimension, front: Int
  ) {
    guard (outputPadding?.count ?? rank) == rank, [rank, rank + 2].contains(outputShape?.count ?? rank) else {
      throw valueError("Output pads and shape do not fit \(rank) axes.")
    }
    let full = try size.plus(-1).times(axis.stride).plus(Dimension(axis.extent + (outputPadding?[index] ?? 0)))
    let asked: Dimension
    if let outputShape {
      asked = Dimension(outputShape[outputShape.count - rank + index])
    } else if window.padding == .upper || window.padding == .lower {
      asked = try size.times(axis.stride)
    } else {
      return (try full.minus(Dimension(axis.front + axis.back)), axis.front)
    }
    let total = try full.minus(asked).known.map { max(0, $0) } ?? max(0, axis.extent - axis.stride)
    return (asked, window.padding == .upper ? total / 2 : total - total / 2)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (input, weight) = (try facts.shape(0), try facts.shape(1))
    try facts.floating(0)
    try facts.sameType(1)
    try facts.sameType(2)
    let kernel = weight.dropFirst(2).compactMap(\.known)
    guard input.count >= 3, weight.count == input.count, kernel.count == input.count - 2, let depth = weight[1].known
    else {
      throw facts.failure("needs maps and weights of as many axes")
    }
    guard kernel.allSatisfy({ $0 > 0 }) else { throw facts.failure("has a kernel without taps") }
    let channels = try facts.same(input[1], weight[0], "channels")
    guard (channels.known ?? 0) % groups == 0 else {
      throw facts.failure("has \(groups) groups, which do not divide the channels")
    }
    let axes = try window.axes(rank: kernel.count, kernel: kernel)
    let outputs = Dimension(try Checked.multiply(depth, groups))
    try facts.vector(2, outputs)
    let spatial = try axes.indices.map { try size(axes[$0], at: $0, rank: axes.count, input[$0 + 2]).0 }
    return [ValueType(try facts.type(0).dtype, [input[0], outputs] + spatial)]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, weight) = (try inputs.required(0), try inputs.required(1))
    guard input.shape.count >= 3, weight.shape.count == input.shape.count, weight.shape[0] == input.shape[1],
      weight.shape[0] % groups == 0
    else { throw valueError("Weights of shape \(weight.shape) do not fit maps of shape \(input.shape).") }
    let spatial = Array(input.shape[2...])
    let kernel = Array(weight.shape[2...])
    let axes = try window.axes(rank: spatial.count, kernel: kernel)
    let sizes = try axes.indices.map { try size(axes[$0], at: $0, rank: axes.count, Dimension(spatial[$0])) }
    let target = sizes.compactMap(\.0.known)
    let outputs = try Checked.multiply(weight.shape[1], groups)
    let shape = [input.shape[0], outputs] + target
    try Tensor.checkSize(input.dtype, shape)
    let values = try scatter(
      input, weight, axes, fronts: sizes.map(\.front), target: target, bias: inputs.optional(2)?.doubles())
    return [try Tensor(dtype: input.dtype, shape: shape, reals: values)]
  }

  private func scatter(
    _ input: Tensor, _ weight: Tensor, _ axes: [SlidingWindow.Axis], fronts: [Int], target: [Int], bias: [Double]?
  ) throws -> [Double] {
    let (values, weights) = (input.doubles(), weight.doubles())
    let spatial = Array(input.shape[2...])
    let kernel = Array(weight.shape[2...])
    let (batch, channels, depth) = (input.shape[0], input.shape[1], weight.shape[1])
    let (plane, taps, out) = (spatial.reduce(1, *), kernel.reduce(1, *), target.reduce(1, *))
    let outputs = depth * groups
    var sums = [Double](repeating: 0, count: batch * outputs * out)
    let strides = Shapes.strides(target)
    // For one input pixel the place of every tap, or −1 outside.
    var offsets = [Int](repeating: 0, count: taps)
    Shapes.forEach(spatial, []) { pixel, _ in
      let at = Self.coordinates(pixel, spatial)
      for tap in 0..<taps {
        offsets[tap] = Self.place(
          of: at, tap: Self.coordinates(tap, kernel), axes, fronts: fronts, target: target, strides: strides)
      }
      for n in 0..<batch {
        for c in 0..<channels {
          let value = values[(n * channels + c) * plane + pixel]
          let group = c / (channels / groups)
          for d in 0..<depth {
            let base = (n * outputs + group * depth + d) * out
            for tap in 0..<taps where offsets[tap] >= 0 {
              sums[base + offsets[tap]] += value * weights[(c * depth + d) * taps + tap]
            }
          }
        }
      }
    }
    if let bias { for i in sums.indices { sums[i] += bias[i / max(out, 1) % outputs] } }
    return sums
  }

  private static func place(
    of at: [Int], tap: [Int], _ axes: [SlidingWindow.Axis], fronts: [Int], target: [Int], strides: [Int]
  ) -> Int {
    var offset = 0
    for i in axes.indices {
      let position = at[i] * axes[i].stride - fronts[i] + tap[i] * axes[i].dilation
      guard position >= 0, position < target[i] else { return -1 }
      offset += position * strides[i]
    }
    return offset
  }

  private static func coordinates(_ index: Int, _ shape: [Int]) -> [Int] {
    var (rest, out) = (index, [Int](repeating: 0, count: shape.count))
    for axis in shape.indices.reversed() {
      out[axis] = rest % shape[axis]
      rest /= shape[axis]
    }
    return out
  }
}

/// A convolution of integers with zero points.
struct IntegerConvolution: TensorFunction {
  let window: SlidingWindow
  let groups: Int

  init(_ attributes: AttributeReader) throws {
    window = try SlidingWindow(attributes)
    groups = try attributes.integer("group", 1, in: 1...Limits.maxWindow)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    guard try facts.type(0).dtype.isInteger, try facts.type(1).dtype.isInteger else {
      throw facts.failure("needs integers")
    }
    return [ValueType(.int32, try facts.convolutionShape(window, groups))]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, weight) = (try inputs.required(0), try inputs.required(1))
    let shape = try ConvolutionShape(window, groups, input.shape, weight.shape)
    try Tensor.checkSize(.int32, shape.outputShape)
    let values = try input.centred(inputs.optional(2), axis: nil)
    let weights = try weight.centred(inputs.optional(3), axis: 0)
    return [
      try Tensor(dtype: .int32, shape: shape.outputShape, integers: shape.sums(values, weights) { $0 &+= $1 &* $2 })
    ]
  }
}

extension Tensor {
  /// The elements minus their zero point: one for all, or one a position along `axis`.
  func centred(_ zeroPoint: Tensor?, axis: Int?) throws -> [Int64] {
    var values = integers()
    guard let zero = zeroPoint?.integers() else { return values }
    if zero.count == 1 { return values.map { $0 &- zero[0] } }
    guard let axis, shape.indices.contains(axis), zero.count == shape[axis] else {
      throw valueError("\(zero.count) zero points do not fit a tensor of shape \(shape).")
    }
    let lines = Lines(shape, axis: axis)
    for i in values.indices { values[i] = values[i] &- zero[i / max(lines.inner, 1) % lines.size] }
    return values
  }
}
