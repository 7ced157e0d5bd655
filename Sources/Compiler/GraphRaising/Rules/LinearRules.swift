import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// Matrices applied to the channels: MatMul, Gemm and Einsum with a constant.
struct MatMulRule: RaisingRule {
  let types = ["MatMul", "Gemm"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let a = site.input(0), let b = site.input(1) else { return .notApplicable }
    let isGemm = site.call.type == "Gemm"
    let alpha = isGemm ? site.call.real("alpha") ?? 1 : 1
    if let view = try raiser.view(a), let weight = raiser.constant(b) {
      if isGemm && site.call.integer("transA") ?? 0 != 0 { return .notApplicable }
      let isTransposed = isGemm && site.call.integer("transB") ?? 0 != 0
      guard let matrix = try Matrix(weight, named: raiser.source[b].name, isOutputsFirst: isTransposed) else {
        return .notApplicable
      }
      let result = try raiser.linear(view, axis: view.axes.count - 1, matrix.scaled(alpha))
      return .one(try result.map { try withBias($0, site, &raiser) })
    }
    guard !isGemm, let view = try raiser.view(b), let weight = raiser.constant(a), view.axes.count >= 2,
      let matrix = try Matrix(weight, named: raiser.source[a].name, isOutputsFirst: true)
    else { return .notApplicable }
    return .one(try raiser.linear(view, axis: view.axes.count - 2, matrix))
  }

  private func withBias(_ view: MapView, _ site: RaisingSite, _ raiser: inout Raiser) throws -> MapView {
    guard let value = site.input(2) else { return view }
    guard case .channels(let bias)? = try raiser.constantOperand(value, for: view) else {
      guard case .scalar(let bias)? = try raiser.constantOperand(value, for: view) else {
        throw Mismatch("the bias is not one number a channel")
      }
      return view.showing(try raiser.affine(view.map, AffineChange(scale: [1], shift: [bias])))
    }
    let beta = site.call.real("beta") ?? 1
    return view.showing(try raiser.affine(view.map, AffineChange(scale: [1], shift: bias.map { $0 * beta })))
  }
}

/// Einsum of a map and a constant over the channels.
struct EinsumRule: RaisingRule {
  let types = ["Einsum"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard site.inputs.count == 2, let a = site.inputs[0], let b = site.inputs[1],
      let equation = try EinsumEquation(site.call.string("equation") ?? "").letters, equation.operands.count == 2
    else { return .notApplicable }
    if let view = try raiser.view(a), let weight = raiser.constant(b) {
      return try contract(view, equation.operands[0], weight, equation.operands[1], equation.result, b, &raiser)
    }
    if let view = try raiser.view(b), let weight = raiser.constant(a) {
      return try contract(view, equation.operands[1], weight, equation.operands[0], equation.result, a, &raiser)
    }
    return .notApplicable
  }

  private func contract(
    _ view: MapView, _ labels: [String], _ weight: Tensor, _ weightLabels: [String], _ result: [String],
    _ name: ValueID, _ raiser: inout Raiser
  ) throws -> RaisingOutcome {
    guard labels.count == view.axes.count, weightLabels.count == weight.shape.count, Set(labels).count == labels.count
    else { return .notApplicable }
    let long = weightLabels.indices.filter { weight.shape[$0] != 1 }
    let summed = labels.indices.filter { !result.contains(labels[$0]) && !view.axes[$0].isEmpty }
    guard summed.count <= 1, let channels = raiser.channels(view.map) else { return .notApplicable }
    let single =
      channels == 1 ? labels.indices.first { !result.contains(labels[$0]) && weightLabels.contains(labels[$0]) } : nil
    guard let axis = summed.first ?? view.channelAxis(Dimension(channels)) ?? single else { return .notApplicable }
    let input = labels[axis]
    let outputs = weightLabels.filter { !labels.contains($0) && result.contains($0) }
    guard outputs.count == 1, long.allSatisfy({ [input, outputs[0]].contains(weightLabels[$0]) }),
      let inputAxis = weightLabels.firstIndex(of: input), let outputAxis = weightLabels.firstIndex(of: outputs[0]),
      !result.contains(input)
    else { return .notApplicable }
    let (rows, columns) = (weight.shape[outputAxis], weight.shape[inputAxis])
    let flat = try Tensor(
      dtype: weight.dtype, shape: outputAxis < inputAxis ? [rows, columns] : [columns, rows], storage: weight.storage,
      byteOffset: weight.byteOffset)
    guard let matrix = try Matrix(flat, named: raiser.source[name].name, isOutputsFirst: outputAxis < inputAxis),
      let made = try raiser.linear(view, axis: axis, matrix)
    else { return .notApplicable }
    var axes: [[AxisDigit]] = []
    for label in result {
      if label == outputs[0] {
        axes.append(made.axes[axis])
      } else if let from = labels.firstIndex(of: label) {
        axes.append(made.axes[from])
      } else {
        return .notApplicable
      }
    }
    return .raised([MapView(map: made.map, axes: axes)])
  }
}

/// A matrix (outputs, inputs).
struct Matrix {
  var tensor: Tensor
  var name: String

  /// Nil unless the constant is a matrix, apart from axes of size 1 before it.
  init?(_ constant: Tensor, named name: String, isOutputsFirst: Bool) throws {
    guard constant.shape.count >= 2, constant.shape.dropLast(2).allSatisfy({ $0 == 1 }) else { return nil }
    let shape = Array(constant.shape.suffix(2))
    let flat = try Tensor(
      dtype: constant.dtype, shape: shape, storage: constant.storage, byteOffset: constant.byteOffset)
    tensor = isOutputsFirst ? flat : try Frame(transposed: true).applied(to: flat)
    self.name = name
  }

  func scaled(_ factor: Double) throws -> Matrix {
    if factor == 1 { return self }
    var copy = self
    copy.tensor = try tensor.mapped { $0 * factor }
    return copy
  }
}

extension Raiser {
  /// A matrix applied to the channels, which lie along `axis` alone.
  mutating func linear(_ view: MapView, axis: Int, _ matrix: Matrix) throws -> MapView? {
    guard let channels = channels(view.map), matrix.tensor.shape[1] == channels,
      view.channelAxis(Dimension(channels)) == axis || (channels == 1 && view.axes[axis].isEmpty)
    else { return nil }
    let weight = edit.constant(matrix.name, matrix.tensor)
    let result = try addOne(PointwiseLinear(), [view.map, weight])
    return view.withChannels(result, axis, matrix.tensor.shape[0])
  }
}
