import ExecutionPlan
import ModelCompiler
import Tensors

extension CheckpointCompilation {
  /// One line: what the network is.
  var networkSummary: String {
    let blocks = architecture.blocks.map(String.init).joined(separator: ", ")
    let parameters = Format.grouped(compiled.plan.model.parameterCount)
    return "EVSSM: dim \(architecture.dim), blocks \(blocks), \(parameters) parameters, "
      + "windows \(compiled.plan.model.windows.rawValue)"
  }

  /// One line: what the plan is.
  func planSummary(boundSizes: Int) -> String {
    let sizes = boundSizes == 1 ? "1 size" : "\(boundSizes) sizes"
    return "\(compiled.plan.steps.count) steps, \(compiled.plan.precisionText)weights "
      + "\(Format.bytes(compiled.weights.bytes.count)), \(sizes) bound"
  }
}

extension OnnxCompilation {
  /// One line: what the model is.
  var networkSummary: String {
    let what =
      isRaised
      ? "recognised as EVSSM"
      : isEmbedded
        ? "recognised as EVSSM, nodes around it: \(Format.grouped(nodeCount - 1))"
        : "\(Format.grouped(nodeCount)) nodes"
    let attributes = compiled.plan.model.hyperparameters.map { "\($0.name) \($0.value)" }
    return (["ONNX: \(what)"] + attributes.map { EVSSMError.escaped($0) }).joined(separator: ", ")
  }

  /// One line: what the plan is.
  var planSummary: String {
    let steps = isRaised ? compiled.plan.steps.count : compiled.plan.steps.count + nodeCount - (isEmbedded ? 1 : 0)
    return "\(Format.grouped(steps)) steps, \(compiled.plan.precisionText)weights "
      + Format.bytes(compiled.weights.bytes.count)
  }
}

extension Plan {
  fileprivate var precisionText: String {
    precision == .float32 ? "" : "matrices in \(precision.rawValue), "
  }
}
