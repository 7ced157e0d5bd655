import ExecutionPlan
import GraphIR
import Tensors

extension PlanDraft {
  /// The draft as text, one line a step; the same draft gives the same text.
  ///
  ///     map0 = scan_stage(map0){strip_pixels: 1024} : 8 channels, 1/1, float32  # encoder_level1.block0.scan_stage
  ///
  /// Throws what ``maps()`` throws.
  package func dump() throws -> String {
    let maps = try maps()
    return stages.map { stage in
      let places = maps.places(of: stage.node)
      let operands = stage.node.inputs.indices.compactMap { places.operands[$0] }
      let inputs = operands.isEmpty ? ["picture"] : operands.map { "map\($0.rawValue)" }
      let choices = stage.lowering.choices.map { "\($0.name): \($0.text)" }.joined(separator: ", ")
      let step = "\(stage.node.op.label)(\(inputs.joined(separator: ", ")))" + (choices.isEmpty ? "" : "{\(choices)}")
      let (result, size) = describe(stage, maps)
      return "\(result) = \(step) : \(size)\(stage.precision.rawValue)  # \(EVSSMError.escaped(stage.node.name))\n"
    }.joined()
  }

  /// The name of a step's result, and its channels and the share of the padded picture's sides.
  private func describe(_ stage: Stage, _ maps: Maps) -> (name: String, size: String) {
    guard let buffer = stage.node.outputs.first.flatMap({ maps.buffers[$0] }) else { return ("picture", "") }
    let (channels, divisor) = (maps.descriptions[buffer.rawValue].channels, maps.divisors[buffer.rawValue])
    return ("map\(buffer.rawValue)", "\(channels) channels, 1/\(divisor), ")
  }
}
