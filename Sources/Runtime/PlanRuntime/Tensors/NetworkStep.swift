import ExecutionPlan
import PrimitiveOperators
import Tensors

/// The stages of the plan, as one step of its graph.
final class NetworkStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only; the session is run by the workers that run this step.
  /// Binds the stages to a size of picture, for the workers of the graph.
  typealias Binding = @Sendable (_ height: Int, _ width: Int) throws -> PlanSession

  let name: String
  let operation: String
  let scratchByteCount = 0
  private let session: PlanSession
  private let input: ConstFloats
  private let output: Floats

  init(name: String, session: PlanSession, input: ConstFloats, output: Floats) {
    self.name = name
    operation = "\(session.plan.plan.steps.count) stages of EVSSM"
    self.session = session
    self.input = input
    self.output = output
  }

  var ownByteCount: Int { session.memoryByteCount }

  func run(worker: Int, team: Team, scratch: Floats) {
    session.run(worker: worker, team: team, input: input, output: output)
  }
}

extension StepPlanner {
  /// The step of a node that stands for the plan's stages; nil for any other.
  ///
  /// Throws `runtime.shape` when only data decide the size of the picture.
  func embedded(_ node: PrimitiveProgram.Node) throws -> ProgramSchedule.PlannedStep? {
    guard node.primitive is EmbeddedNetwork else { return nil }
    let (input, output) = (node.inputs[0], node.outputs[0])
    guard let shape = shape(input) else {
      throw EVSSMError(
        "runtime.shape", "The size of the picture that the network restores is not known before the graph runs.",
        category: .usage, place: .init(node: node.name))
    }
    let network = network
    return ProgramSchedule.PlannedStep(inputs: [input], outputs: [output]) { memory, _ in
      guard let source = memory.constFloats(input), let target = memory.floats(output) else {
        throw EVSSMError(
          "runtime.order", "The network's pictures have no place.", category: .internal, place: .init(node: node.name))
      }
      return NetworkStep(name: node.name, session: try network(shape[2], shape[3]), input: source, output: target)
    }
  }
}
