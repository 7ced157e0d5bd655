import EVSSMModel
import ExecutionPlan
import OnnxFormat
import Tensors

extension ModelDescription {
  /// What a plan records of the network it was compiled from.
  init(_ architecture: EVSSMArchitecture, windows: WindowMode) throws {
    func list(_ values: [Int]) -> String { values.map(String.init).joined(separator: ",") }
    let attributes = [
      ("dim", String(architecture.dim)), ("blocks", list(architecture.blocks)), ("hidden", list(architecture.hidden)),
      ("rank", list(architecture.rank)), ("down_kernels", list(architecture.downKernels)),
      ("up_kernels", list(architecture.upKernels)),
    ]
    self.init(
      architecture: "EVSSM", hyperparameters: attributes.map { Attribute(name: $0.0, value: $0.1) },
      parameterCount: try architecture.parameterCount(), windows: windows, minimumSide: EVSSMArchitecture.minimumSide)
  }

  /// What a plan records of the ONNX model it was compiled from.
  init(_ summary: OnnxSummary) {
    let opset = summary.opsets.first { $0.domain == "ai.onnx" }?.version ?? 0
    var attributes = [Attribute(name: "opset", value: String(opset))]
    if !summary.producer.isEmpty {
      attributes.append(Attribute(name: "producer", value: EVSSMError.escaped(summary.producer, limit: 80)))
    }
    self.init(
      architecture: "ONNX", hyperparameters: attributes, parameterCount: summary.parameterCount, windows: .whole,
      minimumSide: 1)
  }
}
