import GraphIR
import PrimitiveOperators
import Tensors

/// What primitives do to the images of patches. Nil for what mixes patches or channels, or is not linear.
extension PatchMap {
  /// The same image laid out in another shape.
  func reshaped(to shape: [Dimension], channels: Int) throws -> PatchMap? {
    var rest = axes.flatMap { axis -> [(size: Dimension, axis: Axis)] in
      switch axis {
      case .inner(let count): count == 1 ? [] : [(Dimension(count), axis)]
      case .outer(let digits): digits.map { ($0.size, .outer([$0])) }
      }
    }[...]
    var out: [Axis] = []
    for size in shape {
      var need = size
      var taken: [Axis] = []
      while need != 1 {
        guard let token = rest.first else { return nil }
        if let left = try need.dividedExactly(by: token.size) {
          taken.append(rest.removeFirst().axis)
          need = left
        } else if case .inner(let count) = token.axis, let part = need.known, count % part == 0 {
          taken.append(.inner(part))
          rest[rest.startIndex] = (Dimension(count / part), .inner(count / part))
          need = 1
        } else {
          return nil
        }
      }
      guard let joined = Self.joined(taken) else { return nil }
      out.append(joined)
    }
    guard rest.isEmpty else { return nil }
    var copy = self
    copy.axes = out
    let lengths = out.map { Self.sampleLength($0, carrier: Self.carrier(axes), channels: channels) }
    copy.samples = try samples.map {
      try Tensor(dtype: $0.dtype, shape: lengths, storage: $0.storage, byteOffset: $0.byteOffset)
    }
    return copy
  }

  private static func joined(_ parts: [Axis]) -> Axis? {
    var digits: [AxisDigit] = []
    var inner: Int?
    for part in parts {
      switch part {
      case .outer(let more): digits += more
      case .inner(let count): inner = (inner ?? 1) * count
      }
    }
    if inner != nil || digits.isEmpty { return digits.isEmpty ? .inner(inner ?? 1) : nil }
    return .outer(digits)
  }

  func transposed(_ permutation: [Int]) throws -> PatchMap? {
    guard permutation.sorted() == Array(axes.indices) else { return nil }
    var copy = self
    copy.axes = permutation.map { axes[$0] }
    let call = PrimitiveCall("Transpose", opset: 13, attributes: ["perm": .ints(permutation)], inputs: [true])
    copy.samples = try samples.map { try Self.evaluated(call, [$0]) }
    return copy
  }

  static func evaluated(_ call: PrimitiveCall, _ operands: [Tensor]) throws -> Tensor {
    let results = try call.evaluated(PrimitiveRegistry.operator(for: call), operands)
    guard let first = results.first else {
      throw EVSSMError("graph.outputs", "There is no result.", category: .internal)
    }
    return first
  }

  func isInner(_ axis: Int) -> Bool {
    if axes.indices.contains(axis), case .inner = axes[axis] { return true }
    return false
  }

  /// The image with new samples: inner axes take their lengths from them.
  func replacing(_ samples: [Tensor], axes: [Axis]) -> PatchMap? {
    guard let shape = samples.first?.shape, shape.count == axes.count else { return nil }
    var copy = self
    copy.isChanged = true
    copy.samples = samples
    copy.axes = zip(axes, shape).map { axis, length in
      if case .inner = axis { return .inner(length) }
      return axis
    }
    return copy
  }

  /// Whether a constant differs along inner axes and the channels' axis only.
  func allows(_ constant: Tensor) -> Bool {
    let rank = axes.count
    guard constant.shape.count <= rank, constant.dtype.isFloatingPoint else { return false }
    return constant.shape.enumerated().allSatisfy { index, length in
      if length == 1 { return true }
      switch axes[index + rank - constant.shape.count] {
      case .inner: return true
      case .outer(let digits): return digits.allSatisfy { $0.axis == .channel }
      }
    }
  }
}

/// Primitives on patches, in the order of the graph.
struct PatchesRule: RaisingRule {
  let types = [
    "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Identity", "DFT", "Mul", "Div", "Add", "Sub", "Neg",
    "Concat", "Slice", "Gather", "MatMul", "ReduceSum", "Split", "Einsum",
  ]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let images = try operands(site, &raiser), let primitive = site.node.op as? Primitive else {
      return .notApplicable
    }
    let results = try PatchStep(site: site, primitive: primitive, images: images).run(&raiser)
    guard results.count == site.node.outputs.count else { return .notApplicable }
    var views: [MapView?] = []
    for (output, image) in zip(site.node.outputs, results) {
      guard let image else { return .notApplicable }
      if image.isChanged, let filter = image.filter {
        views.append(try raiser.filtered(image, filter))
      } else {
        raiser.patches.patches[output] = image
        views.append(nil)
      }
    }
    return .raised(views)
  }

  /// The operands as images of patches of one map: nil for a constant. Nil when none is such an image.
  private func operands(_ site: RaisingSite, _ raiser: inout Raiser) throws -> [PatchMap?]? {
    var images: [PatchMap?] = []
    for input in site.inputs {
      guard let input else {
        images.append(nil)
        continue
      }
      if let image = raiser.patches.patches[input] {
        images.append(image)
      } else if let view = try raiser.view(input), let channels = raiser.channels(view.map) {
        images.append(try PatchMap(view, channels: channels))
        if images.last! == nil { return nil }
      } else {
        images.append(nil)
      }
    }
    let given = images.compactMap { $0 }
    guard let first = given.first, given.allSatisfy({ $0.map == first.map }) else { return nil }
    return images
  }
}

/// One primitive on patches.
private struct PatchStep {
  let site: RaisingSite
  let primitive: Primitive
  let images: [PatchMap?]

  func run(_ raiser: inout Raiser) throws -> [PatchMap?] {
    guard let image = images.compactMap({ $0 }).first, let channels = raiser.channels(image.map) else { return [] }
    let shape = raiser.shape(site.node.outputs[0])
    switch site.call.type {
    case "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity":
      return [try images[0]?.reshaped(to: shape, channels: channels)]
    case "Transpose": return [try image.transposed(site.call.integers("perm") ?? Array(image.axes.indices.reversed()))]
    case "DFT": return [try alongAxis(dftAxis(raiser, image), raiser)]
    case "Slice": return [try slice(image, raiser)]
    case "Gather": return [try gather(image, raiser)]
    case "Concat": return [try alongAxis(site.call.integer("axis"), raiser)]
    case "Split": return try split(image, raiser)
    case "Neg": return [try evaluated(image.axes, raiser)]
    case "Mul", "Div", "Add", "Sub": return [try elementwise(image, raiser)]
    case "MatMul": return [try matrix(image, raiser)]
    case "ReduceSum": return [try reduced(image, raiser)]
    default: return [nil]
    }
  }

  /// The primitive on every sample, constants as they are.
  private func samples(_ raiser: Raiser) throws -> [[Tensor]]? {
    guard let count = images.compactMap({ $0?.samples.count }).first else { return nil }
    var runs: [[Tensor]] = []
    for run in 0..<count {
      var operands: [Tensor] = []
      for (image, input) in zip(images, site.inputs) {
        guard let input else { continue }
        guard let tensor = image?.samples[run] ?? raiser.source.constant(input) else { return nil }
        operands.append(tensor)
      }
      runs.append(try site.call.evaluated(primitive.primitive, operands))
    }
    return runs
  }

  private func evaluated(_ axes: [PatchMap.Axis], _ raiser: Raiser) throws -> PatchMap? {
    guard let runs = try samples(raiser) else { return nil }
    return images.compactMap { $0 }.first?.replacing(runs.map { $0[0] }, axes: axes)
  }

  private func normalised(_ axis: Int?, _ image: PatchMap) -> Int? {
    axis.map { $0 < 0 ? $0 + image.axes.count : $0 }
  }

  private func dftAxis(_ raiser: Raiser, _ image: PatchMap) -> Int? {
    if let attribute = site.call.integer("axis") { return attribute }
    if let input = site.input(2) { return raiser.ints(input)?.first }
    return site.call.opset >= 20 ? -2 : 1
  }

  /// An operator that mixes what lies along one inner axis.
  private func alongAxis(_ axis: Int?, _ raiser: Raiser) throws -> PatchMap? {
    let given = images.compactMap { $0 }
    guard let first = given.first, let axis = normalised(axis, first), first.isInner(axis),
      given.allSatisfy({ image in
        image.axes.count == first.axes.count
          && image.axes.indices.allSatisfy { $0 == axis || image.axes[$0] == first.axes[$0] }
      })
    else { return nil }
    if site.call.type == "Concat" && given.count != site.inputs.count { return nil }
    if site.call.type == "DFT" && !first.isInner(first.axes.count - 1) { return nil }
    return try evaluated(first.axes, raiser)
  }

  private func slice(_ image: PatchMap, _ raiser: Raiser) throws -> PatchMap? {
    guard images[0] != nil, let axes = site.input(3).flatMap({ raiser.ints($0) }) else { return nil }
    guard axes.allSatisfy({ image.isInner($0 < 0 ? $0 + image.axes.count : $0) }) else { return nil }
    return try evaluated(image.axes, raiser)
  }

  private func gather(_ image: PatchMap, _ raiser: Raiser) throws -> PatchMap? {
    guard images[0] != nil, let axis = normalised(site.call.integer("axis") ?? 0, image), image.isInner(axis),
      let index = raiser.constant(site.input(1)), index.shape.count <= 1
    else { return nil }
    var axes = image.axes
    if index.shape.isEmpty { axes.remove(at: axis) }
    return try evaluated(axes, raiser)
  }

  private func split(_ image: PatchMap, _ raiser: Raiser) throws -> [PatchMap?] {
    guard let axis = normalised(site.call.integer("axis") ?? 0, image), image.isInner(axis),
      let runs = try samples(raiser)
    else {
      return []
    }
    return site.node.outputs.indices.map { part in image.replacing(runs.map { $0[part] }, axes: image.axes) }
  }

  private func elementwise(_ image: PatchMap, _ raiser: Raiser) throws -> PatchMap? {
    let type = site.call.type
    guard images.count == 2 else { return nil }
    if let a = images[0], let b = images[1] {
      return (type == "Add" || type == "Sub") && a.axes == b.axes ? try evaluated(a.axes, raiser) : nil
    }
    guard type == "Mul" || (type == "Div" && images[0] != nil),
      let constant = raiser.constant(images[0] == nil ? site.inputs[0] : site.inputs[1]), image.allows(constant)
    else { return nil }
    return try evaluated(image.axes, raiser)
  }

  private func matrix(_ image: PatchMap, _ raiser: Raiser) throws -> PatchMap? {
    let isFirst = images[0] != nil
    guard let constant = raiser.constant(site.inputs[isFirst ? 1 : 0]), constant.shape.count == 2 else { return nil }
    guard image.isInner(image.axes.count - (isFirst ? 1 : 2)) else { return nil }
    return try evaluated(image.axes, raiser)
  }

  private func reduced(_ image: PatchMap, _ raiser: Raiser) throws -> PatchMap? {
    guard let axes = raiser.ints(site, 1, attribute: "axes")?.map({ $0 < 0 ? $0 + image.axes.count : $0 }),
      axes.allSatisfy(image.isInner)
    else { return nil }
    let keeps = site.call.integer("keepdims") ?? 1 != 0
    return try evaluated(image.axes.indices.filter { keeps || !axes.contains($0) }.map { image.axes[$0] }, raiser)
  }
}
