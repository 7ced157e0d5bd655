import EVSSMModel
import ExecutionPlan
import Tensors

extension ModelDescription {
  /// What a plan records of the network it was compiled from.
  init(_ architecture: EVSSMArchitecture, windows: EVSSMArchitecture.WindowMode) throws {
    func list(_ values: [Int]) -> String { values.map(String.init).joined(separator: ",") }
    let attributes = [
      ("dim", String(architecture.dim)), ("blocks", list(architecture.blocks)), ("hidden", list(architecture.hidden)),
      ("rank", list(architecture.rank)), ("down_kernels", list(architecture.downKernels)),
      ("up_kernels", list(architecture.upKernels)),
    ]
    self.init(
      architecture: "EVSSM", hyperparameters: attributes.map { Attribute(name: $0.0, value: $0.1) },
      parameterCount: try architecture.parameterCount(), windows: windows == .released ? .released : .whole,
      minimumSide: EVSSMArchitecture.minimumSide)
  }
}
