import GraphIR
import GraphRewriting
import Tensors

/// Convolutions that keep the size of the map: dense, depthwise, 1×1, and along the scan order.
struct ConvolutionRule: RaisingRule {
  let types = ["Conv"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let input = site.input(0), let weight = raiser.constant(site.input(1)) else { return .notApplicable }
    let padded = raiser.paddedSource(input)
    guard let view = try raiser.view(padded?.value ?? input) else { return .notApplicable }
    let spatial = weight.shape.count - 2
    guard view.axes.count == spatial + 2, (1...2).contains(spatial) else { return .notApplicable }
    var pads = site.call.integers("pads") ?? [Int](repeating: 0, count: 2 * spatial)
    if let mode = site.call.string("auto_pad"), mode != "NOTSET" {
      guard mode == "SAME_UPPER" || mode == "SAME_LOWER" else { return .notApplicable }
      let sides = weight.shape[2...].map { $0 / 2 }
      pads = sides + sides
    }
    if let extra = padded?.pads { pads = zip(pads, extra).map { $0 + $1 } }
    guard (site.call.integers("strides") ?? [1]).allSatisfy({ $0 == 1 }),
      (site.call.integers("dilations") ?? [1]).allSatisfy({ $0 == 1 }),
      pads.count == 2 * spatial, (0..<spatial).allSatisfy({ weight.shape[2 + $0] % 2 == 1 }),
      pads == (weight.shape[2...] + weight.shape[2...]).map({ $0 / 2 })
    else {
      throw Mismatch("only convolutions of stride 1 that keep the size of the map are part of a stage")
    }
    let bias = raiser.constant(site.input(2))
    if site.input(2) != nil && bias == nil { return .notApplicable }
    let groups = site.call.integer("group") ?? 1
    let made = Built(
      weight: weight, name: raiser.source[site.inputs[1]!].name, bias: bias,
      biasName: site.input(2).map { raiser.source[$0].name } ?? "", groups: groups)
    return .one(try build(made, view, &raiser))
  }

  private struct Built {
    var weight: Tensor
    var name: String
    var bias: Tensor?
    var biasName: String
    var groups: Int
  }

  private func build(_ built: Built, _ view: MapView, _ raiser: inout Raiser) throws -> MapView? {
    guard let channels = raiser.channels(view.map), view.channelAxis(Dimension(channels)) == 1 || channels == 1,
      view.axes[0].isEmpty
    else { return nil }
    let kernel = Array(built.weight.shape[2...])
    let outputs = built.weight.shape[0]
    if kernel.allSatisfy({ $0 == 1 }), built.groups == 1 {
      let matrix = try Self.view(built.weight, [outputs, channels])
      var inputs = [view.map, raiser.edit.constant(built.name, matrix)]
      if let bias = built.bias { inputs.append(raiser.edit.constant(built.biasName, bias)) }
      return view.withChannels(try raiser.addOne(PointwiseLinear(), inputs), 1, outputs)
    }
    if built.groups == channels, outputs == channels { return try depthwise(built, view, channels, &raiser) }
    let size = raiser.type(view.map).shape
    let isMap = MapView(view.map, raiser.type(view.map)).axes == view.axes
    guard built.groups == 1, kernel.count == 2, kernel[0] == kernel[1], isMap, size.count == 4 else {
      throw Mismatch("the convolution is neither dense and square nor depthwise")
    }
    guard built.bias?.doubles().allSatisfy({ $0 == 0 }) ?? true else {
      throw Mismatch("a dense convolution with a bias is not part of the network")
    }
    let weight = raiser.edit.constant(built.name, built.weight)
    return view.withChannels(try raiser.addOne(Convolution(), [view.map, weight]), 1, outputs)
  }

  private func depthwise(
    _ built: Built, _ view: MapView, _ channels: Int, _ raiser: inout Raiser
  ) throws -> MapView? {
    let size = raiser.type(view.map).shape
    let kernel = Array(built.weight.shape[2...])
    let rowMajor = [AxisDigit(axis: .row, size: size[2]), AxisDigit(axis: .column, size: size[3])]
      .filter { $0.size != 1 }
    if kernel == [3, 3], MapView(view.map, raiser.type(view.map)).axes == view.axes {
      let weight = raiser.edit.constant(built.name, try Self.view(built.weight, [channels, 3, 3]))
      let bias = built.bias.map { [raiser.edit.constant(built.biasName, $0)] } ?? []
      return view.showing(try raiser.addOne(DepthwiseConvolution(), [view.map, weight] + bias))
    }
    // One long axis with all positions, and kernels of one row elsewhere.
    let long = kernel.indices.filter { !view.axes[2 + $0].isEmpty }
    guard long.count == 1, view.axes[2 + long[0]] == rowMajor,
      kernel.indices.allSatisfy({ $0 == long[0] || kernel[$0] == 1 })
    else { throw Mismatch("the depthwise convolution is neither 3×3 nor along the scan order") }
    let taps = kernel[long[0]]
    let weight = raiser.edit.constant(built.name, try Self.view(built.weight, [channels, taps]))
    let zeros = try Tensor(shape: [channels], floats: [Float](repeating: 0, count: channels))
    let bias = raiser.edit.constant(built.biasName, built.bias ?? zeros)
    return view.showing(try raiser.addOne(ScanConvolution(), [view.map, weight, bias]))
  }

  private static func view(_ tensor: Tensor, _ shape: [Int]) throws -> Tensor {
    try Tensor(dtype: tensor.dtype, shape: shape, storage: tensor.storage, byteOffset: tensor.byteOffset)
  }
}

extension Raiser {
  /// The operand of a zero padding of the spatial axes in front of a convolution, and its pads.
  func paddedSource(_ value: ValueID) -> (value: ValueID, pads: [Int])? {
    guard let index = sourceProducers[value.index], let primitive = source.nodes[index].op as? Primitive,
      primitive.call.type == "Pad"
    else { return nil }
    let node = source.nodes[index]
    if let mode = primitive.call.string("mode"), mode != "constant" { return nil }
    guard node.inputs.count >= 2, let pads = ints(node.inputs[1]) else { return nil }
    if primitive.call.inputs.count > 2, primitive.call.inputs[2] {
      guard let fill = source.constant(node.inputs[2]), fill.doubles().allSatisfy({ $0 == 0 }) else { return nil }
    }
    if primitive.call.inputs.count > 3, primitive.call.inputs[3] { return nil }
    let rank = pads.count / 2
    guard rank > 2, pads[0] == 0, pads[1] == 0, pads[rank] == 0, pads[rank + 1] == 0 else { return nil }
    return (node.inputs[0], Array(pads[2..<rank] + pads[(rank + 2)...]))
  }
}
