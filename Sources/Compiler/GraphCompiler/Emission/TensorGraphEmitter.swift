import ExecutionPlan
import GraphIR
import PrimitiveOperators
import Tensors

/// Turns a graph of primitives into a plan: its nodes as they are, its constants behind one another in their own element
/// types.
struct TensorGraphEmitter {
  private(set) var constants: [ConstantDescription] = []
  private(set) var byteCount = 0
  private var tensors: [Tensor] = []

  /// The plan and its weights.
  ///
  /// Throws `compile.no-kernel`, which names every node that is no primitive.
  /// - Parameter network: the plan that an ``FusedNetwork`` of the graph stands for; it keeps its model.
  static func emit(
    _ graph: Graph, outputNames: [String], model: ModelDescription, network: CompiledPlan? = nil
  ) throws -> (Plan, TensorStorage) {
    var emitter = TensorGraphEmitter()
    emitter.constants = network?.plan.constants ?? []
    emitter.byteCount = try Checked.roundUp(network?.weights.bytes.count ?? 0, to: MemoryPlanner.alignment)
    let program = try emitter.program(graph)
    let ports = graph.inputs.map { id in
      TensorPort(
        name: graph[id].name, dtype: graph[id].type.dtype,
        shape: graph[id].type.shape.map { $0.known.map { .constant($0) } ?? .symbol($0.description) })
    }
    let plan = Plan(
      model: network?.plan.model ?? model, buffers: network?.plan.buffers ?? [], steps: network?.plan.steps ?? [],
      constants: emitter.constants,
      graph: TensorGraph(inputs: ports, outputNames: outputNames, program: program))
    let places = zip(emitter.constants.suffix(emitter.tensors.count), emitter.tensors)
    let weights = try TensorStorage(byteCount: emitter.byteCount) { target in
      if let network { target.copyMemory(from: network.weights.bytes) }
      for (constant, tensor) in places {
        tensor.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: target[constant.byteOffset...]).copyMemory(from: $0)
        }
      }
    }
    return (plan, weights)
  }

  private mutating func program(_ graph: Graph) throws -> TensorProgram {
    let strangers = graph.nodes.filter { !($0.op is Primitive || $0.op is FusedNetwork) }.map {
      "\($0.name) (\($0.op.label))"
    }
    guard strangers.isEmpty else {
      throw EVSSMError(
        "compile.no-kernel", "No step runs these nodes: \(strangers.prefix(40).joined(separator: ", ")).",
        category: .internal)
    }
    var used = Set(graph.outputs)
    for node in graph.nodes { used.formUnion(node.inputs) }
    var constants: [TensorProgram.Constant] = []
    for (index, value) in graph.values.enumerated() {
      guard let tensor = value.constant, used.contains(ValueID(index)) else { continue }
      constants.append(
        .init(value: index, dtype: tensor.dtype, shape: tensor.shape, constant: try append(value.name, tensor)))
    }
    let nodes = try graph.nodes.compactMap { node in
      if node.op is FusedNetwork {
        return TensorProgram.Node(
          name: node.name, call: EmbeddedNetwork.call, inputs: node.inputs.map(\.index),
          outputs: node.outputs.map(\.index), bodies: [], captureCount: 0)
      }
      guard let primitive = node.op as? Primitive else { return nil as TensorProgram.Node? }
      return TensorProgram.Node(
        name: node.name, call: primitive.call, inputs: node.inputs.map(\.index), outputs: node.outputs.map(\.index),
        bodies: try primitive.bodies.map { try program($0) }, captureCount: primitive.captureCount)
    }
    return TensorProgram(
      valueCount: graph.values.count, inputs: graph.inputs.map(\.index), outputs: graph.outputs.map(\.index),
      constants: constants, nodes: nodes)
  }

  private mutating func append(_ name: String, _ tensor: Tensor) throws -> ConstantID {
    let name = EVSSMError.escaped(name.isEmpty ? "constant \(constants.count)" : name, limit: 200)
    let words = max(1, (tensor.byteCount + 3) / 4)
    constants.append(ConstantDescription(name: name, byteOffset: byteCount, count: words))
    tensors.append(tensor)
    byteCount = try Checked.roundUp(Checked.add(byteCount, words * 4), to: MemoryPlanner.alignment)
    return ConstantID(rawValue: constants.count - 1)
  }
}

extension TensorGraphEmitter {
  /// A plan of the stages of `network` and of the nodes around the ``FusedNetwork`` of `graph`, which stands for them.
  static func embed(_ network: CompiledPlan, in graph: Graph, outputNames: [String]) throws -> CompiledPlan {
    let (plan, weights) = try emit(graph, outputNames: outputNames, model: network.plan.model, network: network)
    var compiled = network
    (compiled.plan, compiled.weights) = (plan, weights)
    return compiled
  }
}

extension PlanCompiler {
  /// Compiles a graph of primitives as it is: every node becomes a step on dense tensors of any shape.
  ///
  /// Throws `compile.no-kernel` for a graph with other operators.
  /// - Parameter outputNames: as many as the graph has outputs; by default they are numbered.
  package static func compilePrimitives(
    _ graph: Graph, outputNames: [String]? = nil, model: ModelDescription
  ) throws -> CompiledPlan {
    let names = outputNames ?? graph.outputs.indices.map { "output\($0)" }
    guard names.count == graph.outputs.count else {
      throw EVSSMError(
        "compile.outputs", "\(names.count) names are given for \(graph.outputs.count) outputs.", category: .usage)
    }
    let (plan, weights) = try TensorGraphEmitter.emit(graph, outputNames: names, model: model)
    return CompiledPlan(plan: plan, weights: weights, explanations: [], fusedGraph: graph, nonFiniteWeightCount: 0)
  }
}
