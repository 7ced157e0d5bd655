import PrimitiveOperators
import Tensors

/// An operator of ONNX as it stands in a file, applied to dense row-major tensors of any element type.
///
/// What it means is written down once, in PrimitiveOperators. Operands: those inputs of the call that are given, then
/// the values that the bodies capture. A body's inputs are the operator's own for it, then all captures.
package struct Primitive: Operator {
  package static let name = "primitive"

  package let call: PrimitiveCall
  package let primitive: any PrimitiveOperator
  /// The graphs of If (then, else), Loop and Scan (body).
  package let bodies: [Graph]
  /// Operands that the bodies capture.
  package let captureCount: Int
  /// Start of the names of sizes that only data decide.
  package let sizePrefix: String

  /// Throws `graph.operator` for an operator that is not supported and `graph.attribute` for its attributes.
  /// - Parameter node: the name of the node, from which sizes that only data decide get theirs.
  package init(_ call: PrimitiveCall, bodies: [Graph] = [], captureCount: Int = 0, node: String) throws {
    self.call = call
    self.bodies = bodies
    self.captureCount = captureCount
    primitive = try PrimitiveRegistry.operator(for: call)
    sizePrefix = "?" + node
  }

  private init(_ other: Primitive, bodies: [Graph]) {
    call = other.call
    primitive = other.primitive
    self.bodies = bodies
    captureCount = other.captureCount
    sizePrefix = other.sizePrefix
  }

  package var label: String { call.type }
  package var regions: [Graph] { bodies }
  package func withRegions(_ regions: [Graph]) -> any Operator { Primitive(self, bodies: regions) }

  package var attributes: [Attribute] {
    let named = call.attributes.sorted { $0.key < $1.key }.map { Attribute($0.key, $0.value) }
    let hasGaps = call.inputs.contains(false)
    return named + (hasGaps ? [Attribute("inputs", call.inputs.map { $0 ? "x" : "_" }.joined())] : [])
  }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    try infer(inputs.map { TensorFact($0) }).map(\.type)
  }

  package func infer(_ inputs: [TensorFact]) throws -> [TensorFact] {
    let context = InferenceContext(
      outputCount: call.outputs.count, sizePrefix: sizePrefix, captureCount: captureCount, region: inferRegion)
    let facts = try primitive.infer(call.placed(inputs), context)
    guard facts.count == call.outputs.count else {
      throw EVSSMError("graph.type", "Operator \(call.type) has \(facts.count) outputs, not \(call.outputs.count).")
    }
    return zip(facts, call.outputs).compactMap { $1 ? $0 : nil }
  }

  /// The facts of a body's outputs for facts of its inputs.
  @Sendable package func inferRegion(_ index: Int, _ inputs: [TensorFact]) throws -> [TensorFact] {
    guard bodies.indices.contains(index) else {
      throw EVSSMError("graph.region", "Operator \(call.type) has no graph \(index) as its attribute.")
    }
    return try bodies[index].inferOutputs(inputs)
  }

  /// Whether a symbol stands for a size of this node that only data decide.
  package func introduces(_ symbol: String) -> Bool { symbol.hasPrefix(sizePrefix + ".") }
}

extension Graph {
  /// What is known of the outputs when this much is known of the inputs.
  ///
  /// - Complexity: O(nodes).
  package func inferOutputs(_ facts: [TensorFact]) throws -> [TensorFact] {
    guard facts.count == inputs.count else {
      throw EVSSMError("graph.region", "A graph with \(inputs.count) inputs is given \(facts.count).")
    }
    var known = values.map(\.fact)
    for (id, fact) in zip(inputs, facts) { known[id.index] = fact }
    for node in nodes {
      let results = try node.op.infer(node.inputs.map { known[$0.index] })
      for (id, fact) in zip(node.outputs, results) { known[id.index] = fact }
    }
    return outputs.map { known[$0.index] }
  }
}
