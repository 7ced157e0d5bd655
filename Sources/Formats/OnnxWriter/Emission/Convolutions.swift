import GraphIR
import Tensors

extension Convolution: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let weight = place.operands[1]
    let side = weight.constant?.shape.last ?? 1
    let attributes = OnnxEmitter.convolution(kernel: [side, side])
    return [try emitter.add("Conv", [place.operands[0].name, emitter.weight(weight)], attributes, name: place.name)]
  }
}

extension DepthwiseConvolution: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let channels = place.operands[1].constant?.shape.first ?? 1
    var inputs = [place.operands[0].name, try emitter.weight(place.operands[1], shape: [channels, 1, 3, 3])]
    if place.operands.count == 3 { inputs.append(try emitter.weight(place.operands[2])) }
    let attributes = OnnxEmitter.convolution(kernel: [3, 3], groups: channels)
    return [emitter.add("Conv", inputs, attributes, name: place.name)]
  }
}

extension PointwiseLinear: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let shape = place.operands[1].constant?.shape ?? []
    var inputs = [place.operands[0].name, try emitter.weight(place.operands[1], shape: shape + [1, 1])]
    if place.operands.count == 3 { inputs.append(try emitter.weight(place.operands[2])) }
    return [emitter.add("Conv", inputs, OnnxEmitter.convolution(kernel: [1, 1]), name: place.name)]
  }
}

extension ScanConvolution: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    try emitter.requireUpright(frame, place)
    let (channels, taps) = (place.operands[1].constant?.shape[0] ?? 1, place.operands[1].constant?.shape[1] ?? 1)
    let row = emitter.add(
      "Reshape", [place.operands[0].name, try emitter.ints([1, channels, -1])], name: place.name + ".positions")
    let weights = [
      try emitter.weight(place.operands[1], shape: [channels, 1, taps]), try emitter.weight(place.operands[2]),
    ]
    let attributes = OnnxEmitter.convolution(kernel: [taps], groups: channels)
    let mixed = emitter.add("Conv", [row] + weights, attributes, name: place.name + ".taps")
    return [try emitter.map(mixed, place.results[0], name: place.name)]
  }
}

extension OnnxEmitter {
  /// Attributes of a convolution of stride 1 that keeps the size of the map.
  fileprivate static func convolution(kernel: [Int], groups: Int = 1) -> [(name: String, value: OnnxAttribute)] {
    let pads = kernel.map { $0 / 2 }
    return [("group", .int(groups)), ("kernel_shape", .ints(kernel)), ("pads", .ints(pads + pads))]
  }

  /// The values (1, C, positions) or (C, positions) as a map.
  mutating func map(_ value: String, _ type: ValueType, name: String) throws -> String {
    let channels = try size(type.shape[1])
    let shape = try vector([.known(1), channels, .known(-1), try size(type.shape[3])], name: name + ".shape")
    return add("Reshape", [value, shape], name: name)
  }

  /// Throws unless the scan order is that of the map: the graph of the network as it is written has no other.
  func requireUpright(_ frame: Frame, _ place: OnnxPlace) throws {
    guard frame == .upright else {
      throw EVSSMError(
        "onnx.no-form", "A scan in a frame of its own has no form in ONNX here; write the graph before it is lowered.",
        category: .internal, place: .init(node: place.name))
    }
  }
}
