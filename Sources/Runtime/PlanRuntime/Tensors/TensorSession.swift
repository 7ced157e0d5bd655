import CKernels
import ExecutionPlan
import PrimitiveOperators
import Tensors

/// Runs a plan of primitives on tensors of any sizes that its ports allow.
///
/// Sizes are bound by the first run with them and kept for the next: values whose sizes follow from the inputs' have a
/// place in one arena, and steps with a kernel run on all threads; what only data decide is allocated by the run. Not
/// reentrant: one run at a time. Results are bit-identical for any number of threads.
package final class TensorSession: @unchecked Sendable {
  // Unchecked: mutable state is touched only inside run(), which the caller serialises.
  package let plan: LoadedPlan
  package let workers: Workers
  package let instructionSet: InstructionSet
  package let graph: TensorGraph
  private let program: PrimitiveProgram
  private let kernels: UnsafePointer<evssm_kernels>
  private var bound: BoundProgram?
  private let usesKernels: Bool

  /// Throws `plan.graph` for a plan of stages alone, and what preparing its operators throws.
  /// - Parameter usesKernels: false evaluates every node by the plain definition of its operator, on one thread.
  package init(
    plan: LoadedPlan, workers: Workers, instructionSet: InstructionSet? = nil, usesKernels: Bool = true
  ) throws {
    guard let graph = plan.plan.graph, let program = try plan.program() else {
      throw EVSSMError("plan.graph", "This plan has stages; it runs on pictures, not on tensors.", category: .usage)
    }
    self.plan = plan
    self.workers = workers
    self.instructionSet = try instructionSet ?? InstructionSet.selected()
    self.graph = graph
    self.program = program
    self.usesKernels = usesKernels
    kernels = try self.instructionSet.kernels()
  }

  /// The outputs for inputs in the order of the ports.
  ///
  /// Throws `runtime.input` when an input is not of its port's type, and what the operators throw.
  package func run(_ inputs: [Tensor]) throws -> [Tensor] { try binding(inputs).run(inputs) }

  /// Bytes of the arena and the threads' own memory for the sizes of the last run; 0 before the first.
  package var memoryByteCount: Int { bound?.memoryByteCount ?? 0 }

  /// Wall time of each step of the last run with its name and what it does, in seconds.
  package var stepSeconds: [(name: String, operation: String, seconds: Double)] { bound?.stepSeconds ?? [] }

  private func binding(_ inputs: [Tensor]) throws -> BoundProgram {
    try check(inputs)
    if let bound, bound.inputShapes == inputs.map(\.shape) { return bound }
    bound = nil
    let new = try BoundProgram(
      program, inputs: inputs.map { ValueType(of: $0) }, workers: workers, kernels: kernels, usesKernels: usesKernels
    ) { [plan, workers, instructionSet] in
      try PlanSession(plan: plan, height: $0, width: $1, workers: workers, instructionSet: instructionSet)
    }
    bound = new
    return new
  }

  private func check(_ inputs: [Tensor]) throws {
    func mismatch() -> EVSSMError {
      let given = inputs.map { ValueType(of: $0).description }.joined(separator: ", ")
      let wanted = graph.inputs.map(\.description).joined(separator: "; ")
      return EVSSMError("runtime.input", "The plan takes (\(wanted)) and is given (\(given)).", category: .usage)
    }
    guard inputs.count == graph.inputs.count else { throw mismatch() }
    var sizes: [String: Int] = [:]
    for (port, input) in zip(graph.inputs, inputs) {
      guard port.dtype == input.dtype, port.shape.count == input.shape.count else { throw mismatch() }
      for (expected, size) in zip(port.shape, input.shape) {
        switch expected {
        case .constant(let known): if known != size { throw mismatch() }
        case .symbol(let symbol): if sizes.updateValue(size, forKey: symbol) ?? size != size { throw mismatch() }
        }
      }
    }
  }
}
