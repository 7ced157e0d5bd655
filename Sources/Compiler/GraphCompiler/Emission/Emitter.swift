import ExecutionPlan
import GraphIR
import Tensors

/// Turns a fused graph, whose nodes are all stages with a kernel, into a plan and its packed weights.
///
/// Buffers are numbered as values come. A step that may write over what it reads has one buffer for both; which buffers share
/// memory otherwise is decided when the plan is bound.
struct Emitter {
  let graph: Graph
  let schedule: Schedule
  /// What the stages' matrices are packed in.
  let precision: Precision
  var packer = WeightPacker()
  var buffers: [BufferDescription] = []
  var steps: [Step] = []
  /// What was chosen for each step, and why.
  private(set) var explanations: [Explanation] = []
  private var bufferOfValue: [ValueID: BufferID] = [:]

  init(_ graph: Graph, schedule: Schedule, precision: Precision = .float32) {
    self.graph = graph
    self.schedule = schedule
    self.precision = precision
  }

  /// Throws `compile.no-kernel`, which names every node that no fused stage took in.
  mutating func emit(_ model: ModelDescription) throws -> (plan: Plan, weights: [UInt32]) {
    for node in graph.nodes { steps.append(Step(name: node.name, operation: try operation(node))) }
    let plan = Plan(model: model, buffers: buffers, steps: steps, constants: packer.descriptions)
    return (plan, packer.payload)
  }

  private mutating func operation(_ node: Node) throws -> any PlanOperation {
    switch node.op {
    case is GraphIR.PictureConvolution: try pictureConvolution(node)
    case is GraphIR.OutputConvolution: try outputConvolution(node)
    case is GraphIR.HalveConvolution: try halveConvolution(node)
    case is GraphIR.DoubleConvolution: try doubleConvolution(node)
    case let stage as GraphIR.ScanStage: try scanStage(node, stage)
    case let stage as GraphIR.FeedForwardStage: try feedForwardStage(node, stage)
    default: throw unsupported()
    }
  }

  private func unsupported() -> EVSSMError {
    let names = graph.nodes.filter { !Self.hasKernel($0.op) }.map { "\($0.name) (\($0.op.label))" }
    return EVSSMError(
      "compile.no-kernel",
      "No fused stage takes in these nodes: \(names.prefix(40).joined(separator: ", ")). "
        + "Use compile --explain to see which rewrites were rejected, and why.",
      place: .init(node: names.first))
  }

  private static func hasKernel(_ op: any Operator) -> Bool {
    op is GraphIR.PictureConvolution || op is GraphIR.OutputConvolution || op is GraphIR.HalveConvolution
      || op is GraphIR.DoubleConvolution || op is GraphIR.ScanStage || op is GraphIR.FeedForwardStage
  }
}

extension Emitter {
  mutating func explain(
    _ node: Node, _ reason: String, pass: String = "schedule", _ verdict: Explanation.Verdict = .applied
  ) {
    explanations.append(Explanation(pass: pass, verdict, node: node.name, reason))
  }

  /// The buffer of a value that an earlier step made.
  func buffer(_ node: Node, _ input: Int) throws -> BufferID {
    guard let buffer = bufferOfValue[node.inputs[input]] else {
      throw EVSSMError(
        "compile.operand", "Operand \(input) is not a feature map of an earlier step.", category: .internal,
        place: .init(node: node.name))
    }
    return buffer
  }

  /// A new buffer for the node's result, a level's map: the padded picture over `divisor`.
  mutating func makeBuffer(_ node: Node, channels: Int, divisor: Int) -> BufferID {
    buffers.append(
      BufferDescription(
        height: .padded(.height, toMultipleOf: 4, over: divisor),
        width: .padded(.width, toMultipleOf: 4, over: divisor),
        channels: channels))
    let id = BufferID(rawValue: buffers.count - 1)
    bufferOfValue[node.outputs[0]] = id
    return id
  }

  /// Lets the node's result take over a buffer that holds one of its operands.
  mutating func takeOver(_ buffer: BufferID, for node: Node) { bufferOfValue[node.outputs[0]] = buffer }

  /// By how much a buffer's map is smaller than the padded picture.
  func divisor(_ buffer: BufferID) throws -> Int {
    let size = try buffers[buffer.rawValue].height.evaluate(height: 4, width: 4)
    return 4 / max(size, 1)
  }

  /// The shape and the float32 values of a constant operand.
  func constant(_ node: Node, _ input: Int) throws -> (shape: [Int], values: [Float]) {
    guard node.inputs.indices.contains(input), let tensor = graph.constant(node.inputs[input]) else {
      throw EVSSMError(
        "compile.operand", "Operand \(input) is not a constant.", category: .internal, place: .init(node: node.name))
    }
    return (tensor.shape, tensor.floats())
  }

  /// Whether no later node reads the value and it is no output: then the node may overwrite its buffer.
  func isLastUse(of value: ValueID, at node: Node) -> Bool {
    guard let last = graph.nodes.lastIndex(where: { $0.inputs.contains(value) }) else { return false }
    return graph.nodes[last].name == node.name && !graph.outputs.contains(value)
  }
}
