import GraphIR
import Tensors

extension ElementwiseUnary: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let x = try emitter.value(place.operands[0])
    switch function {
    case .gelu: return [try emitter.gelu(x, name: place.name)]
    case .softplus: return [emitter.add("Softplus", [x], name: place.name)]
    case .exp: return [emitter.add("Exp", [x], name: place.name)]
    case .negate: return [emitter.add("Neg", [x], name: place.name)]
    }
  }
}

extension ElementwiseBinary: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let operands = try place.operands.map { try emitter.value($0) }
    return [emitter.add(function == .add ? "Add" : "Mul", operands, name: place.name)]
  }
}

extension OnnxEmitter {
  /// x·Φ(x) = ½·x·(1 + erf(x/√2)).
  mutating func gelu(_ x: String, name: String) throws -> String {
    if opset >= OnnxWriter.geluOpset { return add("Gelu", [x], name: name) }
    let scaled = add("Div", [x, try scalar(2.0.squareRoot())], name: name + ".scaled")
    let error = add("Erf", [scaled], name: name + ".erf")
    let sum = add("Add", [error, try scalar(1)], name: name + ".sum")
    let product = add("Mul", [x, sum], name: name + ".product")
    return add("Mul", [product, try scalar(0.5)], name: name)
  }
}
