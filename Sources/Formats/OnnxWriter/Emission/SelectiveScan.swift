import GraphIR
import Tensors

extension SelectiveScan: OnnxEmittable {
  /// The name and domain of the model-local function.
  static let function = (domain: "evssm", name: "SelectiveScan")

  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    try emitter.requireUpright(frame, place)
    guard base == .e else {
      throw EVSSMError(
        "onnx.no-form", "A scan of base 2 has no form in ONNX here; write the graph before it is simplified.",
        category: .internal, place: .init(node: place.name))
    }
    let (u, delta) = (try positions(0, "u"), try positions(1, "delta"))
    let decay = try emitter.value(place.operands[2])
    let (b, c) = (try positions(3, "B"), try positions(4, "C"))
    let skip = try emitter.value(place.operands[5])
    let y = try scan([u, delta, decay, b, c, skip], place.name + ".positions", &emitter)
    let channels = emitter.add("Transpose", [y], [("perm", .ints([1, 0]))], name: place.name + ".channels")
    return [try emitter.map(channels, place.results[0], name: place.name)]

    /// A map (1, channels, H, W) as (positions, channels).
    func positions(_ index: Int, _ name: String) throws -> String {
      let operand = place.operands[index]
      let channels = try emitter.size(operand.type.shape[1])
      let shape = try emitter.vector([channels, .known(-1)], name: "\(place.name).\(name).shape")
      let rows = emitter.add("Reshape", [operand.name, shape], name: "\(place.name).\(name).rows")
      return emitter.add("Transpose", [rows], [("perm", .ints([1, 0]))], name: "\(place.name).\(name)")
    }
  }

  private func scan(_ inputs: [String], _ name: String, _ emitter: inout OnnxEmitter) throws -> String {
    if emitter.scanForm == .function {
      emitter.addFunction(Self.localFunction)
      return emitter.add(Self.function.name, inputs, name: name, domain: Self.function.domain)
    }
    let result = emitter.unique(name)
    emitter.append(ScanNodes(inputs: inputs, prefix: result + ".", result: result).all)
    return result
  }

  private static var localFunction: OnnxFunction {
    let inputs = ["u", "delta", "A", "B", "C", "D"]
    return OnnxFunction(
      domain: function.domain, name: function.name, inputs: inputs, outputs: ["y"],
      nodes: ScanNodes(inputs: inputs, prefix: "", result: "y").all,
      documentation: """
        The selective state-space scan over L positions, d channels and n states:
        h(l) = exp(delta(l) A) * h(l-1) + delta(l) u(l) B(l), h(-1) = 0; y(l) = h(l) C(l) + D u(l).
        u, delta: (L, d); A: (d, n); B, C: (L, n); D: (d); y: (L, d).
        """)
  }
}

/// The nodes of a selective scan over positions: u and Δ (L, d), A (d, n), B and C (L, n), D (d) to y (L, d).
///
/// What does not depend on the state is computed for all positions at once; the Scan's body has six operators.
private struct ScanNodes {
  var inputs: [String]
  var prefix: String
  var result: String

  var all: [OnnxNode] {
    let (u, delta, decay, b, c, skip) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5])
    return [
      constant("axis1", [1]), constant("axis2", [2]),
      node("Unsqueeze", [delta, local("axis2")], "steps"),
      node("Mul", [delta, u], "step_inputs"),
      node("Unsqueeze", [local("step_inputs"), local("axis2")], "inputs"),
      node("Unsqueeze", [b, local("axis1")], "input_weights"),
      node("Unsqueeze", [c, local("axis2")], "output_weights"),
      node("Shape", [decay], "state_shape"),
      node("ConstantOfShape", [local("state_shape")], "initial_state"),
      scan(decay),
      node("Squeeze", [local("columns"), local("axis2")], "recurrent"),
      node("Mul", [u, skip], "direct"),
      OnnxNode(
        op: "Add", name: prefix + "sum", inputs: [local("recurrent"), local("direct")], outputs: [result]),
    ]
  }

  private func scan(_ decay: String) -> OnnxNode {
    let state = local("h")
    let body = OnnxGraph(
      name: "position",
      nodes: [
        node("Mul", [local("delta_l"), decay], "exponent"),
        node("Exp", [local("exponent")], "decay"),
        node("Mul", [local("decay"), state], "kept"),
        node("Mul", [local("delta_u_l"), local("B_l")], "added"),
        node("Add", [local("kept"), local("added")], "h_next"),
        node("MatMul", [local("h_next"), local("C_l")], "y_l"),
      ],
      inputs: ["h", "delta_l", "delta_u_l", "B_l", "C_l"].map { OnnxValue(name: local($0), dtype: .float32) },
      outputs: ["h_next", "y_l"].map { OnnxValue(name: local($0), dtype: .float32) })
    let operands = ["initial_state", "steps", "inputs", "input_weights", "output_weights"].map(local)
    return OnnxNode(
      op: "Scan", name: prefix + "scan", inputs: operands, outputs: [local("final_state"), local("columns")],
      attributes: [("body", .graph(body)), ("num_scan_inputs", .int(4))])
  }

  private func local(_ name: String) -> String { prefix + name }

  private func node(_ op: String, _ inputs: [String], _ output: String) -> OnnxNode {
    OnnxNode(op: op, name: local(output), inputs: inputs, outputs: [local(output)])
  }

  private func constant(_ name: String, _ values: [Int]) -> OnnxNode {
    OnnxNode(
      op: "Constant", name: local(name), inputs: [], outputs: [local(name)], attributes: [("value_ints", .ints(values))]
    )
  }
}
