import Tensors

extension Graph {
  /// The graph as text, one line a node; the same graph gives the same text.
  ///
  ///     input %0 image: float32[1, 3, H, W]
  ///     %2 = convolution(%0, %1 conv.weight) : float32[1, 8, H, W]  # conv
  ///     output %2
  package func dump() -> String { lines(indent: "").joined(separator: "\n") + "\n" }

  static func text(_ attributes: [Attribute]) -> String {
    attributes.isEmpty ? "" : "{" + attributes.map { "\($0.name): \($0.text)" }.joined(separator: ", ") + "}"
  }

  // The recursion is bounded by `Limits.maxRegionDepth` on verified graphs.
  private func lines(indent: String) -> [String] {
    var lines = inputs.map { "\(indent)input \($0) \(EVSSMError.escaped(self[$0].name)): \(self[$0].type)" }
    for node in nodes {
      let results = node.outputs.map(\.description).joined(separator: ", ")
      let operands = node.inputs.map(operand).joined(separator: ", ")
      let types = node.outputs.map { self[$0].type.description }.joined(separator: ", ")
      let op = node.op.label + Self.text(node.op.attributes)
      lines.append("\(indent)\(results) = \(op)(\(operands)) : \(types)  # \(EVSSMError.escaped(node.name))")
      for region in node.op.regions {
        lines += ["\(indent)  {"] + region.lines(indent: indent + "    ") + ["\(indent)  }"]
      }
    }
    return lines + ["\(indent)output \(outputs.map(\.description).joined(separator: ", "))"]
  }

  private func operand(_ id: ValueID) -> String {
    guard self[id].constant != nil else { return id.description }
    return "\(id) \(EVSSMError.escaped(self[id].name)): \(self[id].type)"
  }
}
