import CKernels
import ExecutionPlan
import PrimitiveOperators
import Tensors

/// Chooses a step for every node whose results are not known: a kernel where there is one, else the plain definition.
///
/// Kernels take float32 (moves of data: any 4-byte elements) of known sizes. Nodes that only give a value another shape
/// need no step. Element-wise nodes that follow one another become one step.
struct StepPlanner {
  let program: PrimitiveProgram
  let facts: [TensorFact?]
  let known: [ProgramSchedule.Value]
  let usesKernels: Bool
  let network: NetworkStep.Binding
  /// Values that are other values' bytes under another shape.
  private(set) var aliases: [Int: Int] = [:]
  /// Nodes that an earlier step has taken over.
  private var taken: Set<Int> = []
  private let uses: [Int: [Int]]
  private let producers: [Int: Int]
  private let outputs: Set<Int>

  init(
    program: PrimitiveProgram, facts: [TensorFact?], known: [ProgramSchedule.Value], usesKernels: Bool,
    network: @escaping NetworkStep.Binding
  ) {
    self.program = program
    self.facts = facts
    self.known = known
    self.usesKernels = usesKernels
    self.network = network
    outputs = Set(program.outputs)
    var uses: [Int: [Int]] = [:]
    for (index, node) in program.nodes.enumerated() {
      for value in node.inputs { uses[value, default: []].append(index) }
    }
    self.uses = uses
    var producers: [Int: Int] = [:]
    for (index, node) in program.nodes.enumerated() { for value in node.outputs { producers[value] = index } }
    self.producers = producers
  }

  /// One kernel family: a step for a node, or nil when it does not apply.
  typealias Family = @Sendable (inout StepPlanner, Int) throws -> ProgramSchedule.PlannedStep?

  /// In this order; the first that applies makes the step.
  private static let families: [Family] = [
    { try $0.planeNorm($1) },
    { try $0.elementwise($1) },
    { try $0.convolution($1) },
    { try $0.transposedConvolution($1) },
    { try $0.product($1) },
    { try $0.rows($1) },
    { try $0.reduction($1) },
    { try $0.movement($1) },
    { try $0.sampling($1) },
    { try $0.channels($1) },
    { try $0.transform($1) },
  ]

  mutating func plan() throws -> [ProgramSchedule.PlannedStep] {
    var steps: [ProgramSchedule.PlannedStep] = []
    for (index, node) in program.nodes.enumerated() {
      if taken.contains(index) || node.outputs.allSatisfy(isConstant) { continue }
      if let step = try embedded(node) {
        steps.append(step)
        continue
      }
      if usesKernels {
        if alias(node) { continue }
        if let step = try Self.families.lazy.compactMap({ family in try family(&self, index) }).first {
          steps.append(step)
          continue
        }
      }
      steps.append(plain(node, ends: program.lastUses[index]))
    }
    return steps
  }

  private func plain(_ node: PrimitiveProgram.Node, ends: [Int]) -> ProgramSchedule.PlannedStep {
    ProgramSchedule.PlannedStep(inputs: node.inputs, outputs: node.outputs) { memory, _ in
      PlainStep(node, ends: ends, memory: memory)
    }
  }

  private static let reshaping: Set<String> = ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"]

  /// Lets the result share the operand's bytes where a node changes only the shape.
  private mutating func alias(_ node: PrimitiveProgram.Node) -> Bool {
    guard Self.reshaping.contains(node.call.type), let input = node.inputs.first, let output = node.outputs.first,
      node.outputs.count == 1, !isConstant(input), shape(input) != nil, shape(output) != nil
    else { return false }
    aliases[output] = input
    return true
  }
}

extension StepPlanner {
  func isConstant(_ value: Int) -> Bool { if case .constant = known[value] { true } else { false } }

  /// The tensor of a value that the binding knows.
  func constant(_ value: Int) -> Tensor? { if case .constant(let tensor) = known[value] { tensor } else { nil } }

  /// The sizes of a value, if all are known.
  func shape(_ value: Int) -> [Int]? {
    guard let type = facts[value]?.type else { return nil }
    let sizes = type.shape.compactMap(\.known)
    return sizes.count == type.shape.count ? sizes : nil
  }

  /// The sizes of a float32 value.
  func floatShape(_ value: Int) -> [Int]? { facts[value]?.type.dtype == .float32 ? shape(value) : nil }

  /// The number that a constant of one element holds.
  func scalar(_ value: Int) -> Double? {
    guard let tensor = constant(value), tensor.elementCount == 1 else { return nil }
    return tensor.doubles()[0]
  }

  /// The one node that uses a value which is no output of the program.
  func onlyUse(_ value: Int) -> Int? {
    guard !outputs.contains(value), let all = uses[value], all.count == 1 else { return nil }
    return all[0]
  }

  /// Whether values are there before node `index` runs.
  func areReady(_ values: [Int], at index: Int) -> Bool {
    values.allSatisfy { value in
      isConstant(value) || program.inputs.contains(value) || producers[value].map { $0 < index } == true
    }
  }

  func useCount(_ value: Int) -> Int { (uses[value]?.count ?? 0) + (outputs.contains(value) ? 1 : 0) }

  func users(_ value: Int) -> [Int] { uses[value] ?? [] }

  func isTaken(_ node: Int) -> Bool { taken.contains(node) }

  mutating func take(_ nodes: [Int]) { taken.formUnion(nodes) }

  /// The operand at an input position of a node; nil where it is left out.
  func operand(_ node: PrimitiveProgram.Node, _ position: Int) -> Int? {
    guard position < node.call.inputs.count, node.call.inputs[position] else { return nil }
    return node.inputs[node.call.inputs[..<position].count { $0 }]
  }
}
