import GraphIR
import Tensors

extension RMSNorm: OnnxEmittable {
  /// In pieces: ONNX's own normalisations subtract a mean, or have no bias.
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let (x, name) = (place.operands[0].name, place.name)
    let square = emitter.add("Mul", [x, x], name: name + ".square")
    let mean: String
    if emitter.opset >= OnnxWriter.reductionAxesOpset {
      mean = emitter.add("ReduceMean", [square, try emitter.ints([1])], [("keepdims", .int(1))], name: name + ".mean")
    } else {
      mean = emitter.add("ReduceMean", [square], [("axes", .ints([1])), ("keepdims", .int(1))], name: name + ".mean")
    }
    let sum = emitter.add("Add", [mean, try emitter.scalar(epsilon)], name: name + ".epsilon")
    let root = emitter.add("Sqrt", [sum], name: name + ".root")
    if place.operands.count == 1 { return [emitter.add("Div", [x, root], name: name)] }
    let normalised = emitter.add("Div", [x, root], name: name + ".normalised")
    let channels = place.operands[1].constant?.elementCount ?? 1
    let weight = try emitter.weight(place.operands[1], shape: [channels, 1, 1])
    let bias = try emitter.weight(place.operands[2], shape: [channels, 1, 1])
    let scaled = emitter.add("Mul", [normalised, weight], name: name + ".weighted")
    return [emitter.add("Add", [scaled, bias], name: name)]
  }
}

extension LayerNorm: OnnxEmittable {
  /// ONNX normalises over the last axes, so the channels go there and back.
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let last = emitter.add(
      "Transpose", [place.operands[0].name], [("perm", .ints([0, 2, 3, 1]))], name: place.name + ".channels_last")
    let weights = [try emitter.weight(place.operands[1]), try emitter.weight(place.operands[2])]
    let normalised = emitter.add(
      "LayerNormalization", [last] + weights, [("axis", .int(-1)), ("epsilon", .float(Float(epsilon)))],
      name: place.name + ".normalised")
    return [emitter.add("Transpose", [normalised], [("perm", .ints([0, 3, 1, 2]))], name: place.name)]
  }
}
