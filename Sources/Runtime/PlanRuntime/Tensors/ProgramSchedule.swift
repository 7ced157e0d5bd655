import CKernels
import ExecutionPlan
import PrimitiveOperators
import Tensors

/// What a program becomes at given input sizes, before it has memory: the values' types and regions, and the steps.
struct ProgramSchedule {
  enum Value {
    case none
    case constant(Tensor)
    /// The region of the arena; several values may share one.
    case region(Int, DType, [Int])
    case made
  }

  /// A step to be made when memory is there.
  struct PlannedStep {
    var inputs: [Int]
    var outputs: [Int]
    var make: (TensorMemory, UnsafePointer<evssm_kernels>) throws -> any TensorStep
  }

  private(set) var values: [Value]
  private(set) var steps: [PlannedStep] = []
  private(set) var regions: [MemoryRegion] = []
  let inputs: [Int]
  let facts: [TensorFact?]

  init(
    _ program: PrimitiveProgram, inputs types: [ValueType], usesKernels: Bool, network: @escaping NetworkStep.Binding
  ) throws {
    inputs = program.inputs
    facts = try program.facts(types.map { TensorFact($0) })
    values = Array(repeating: .none, count: program.valueCount)
    for (value, tensor) in program.constants { values[value] = .constant(tensor) }
    // What inference has worked out is a constant of the binding.
    for (value, fact) in facts.enumerated() {
      if let tensor = fact?.constant, program.constants[value] == nil, !program.inputs.contains(value) {
        values[value] = .constant(tensor)
      }
    }
    var planner = StepPlanner(program: program, facts: facts, known: values, usesKernels: usesKernels, network: network)
    steps = try planner.plan()
    try assignRegions(program, aliases: planner.aliases)
  }

  /// Gives every value of known size a region that lasts from its first to its last step.
  private mutating func assignRegions(_ program: PrimitiveProgram, aliases: [Int: Int]) throws {
    func root(_ value: Int) -> Int {
      var value = value
      while let next = aliases[value] { value = next }
      return value
    }
    var first: [Int: Int] = [:]
    var last: [Int: Int] = [:]
    func touch(_ value: Int, _ step: Int) {
      let value = root(value)
      first[value] = min(first[value] ?? step, step)
      last[value] = max(last[value] ?? step, step)
    }
    for value in program.inputs { touch(value, 0) }
    for (index, step) in steps.enumerated() { for value in step.inputs + step.outputs { touch(value, index + 1) } }
    for value in program.outputs { touch(value, steps.count + 1) }
    var regionOf: [Int: Int] = [:]
    for value in 0..<program.valueCount {
      if case .constant = values[value] { continue }
      guard let fact = facts[value], let start = first[root(value)], let end = last[root(value)] else { continue }
      let sizes = fact.type.shape.compactMap(\.known)
      guard sizes.count == fact.type.shape.count, case .none = values[root(value)] else {
        values[value] = .made
        continue
      }
      let bytes = try Checked.multiply(Checked.product(sizes), fact.type.dtype.byteCount, "The size of a value")
      try Limits.check(bytes, atMost: Limits.maxArenaBytes, name: "max_arena_bytes", "The size of a value, in bytes,")
      let region = regionOf[root(value)] ?? regions.count
      if regionOf[root(value)] == nil {
        regionOf[root(value)] = region
        // Kernels may read and write whole vectors at the end of a value.
        regions.append(MemoryRegion(byteCount: bytes + 64, firstStep: start, lastStep: end))
      }
      placed.append((value, .region(region, fact.type.dtype, sizes)))
    }
    for (value, place) in placed { values[value] = place }
    placed = []
  }

  private var placed: [(Int, Value)] = []
}
