import Tensors
import Testing

@testable import ExecutionPlan

/// L14 and L15 have no case here: a plan names no instruction set and no count of threads.
///
/// L20: plans whose digests are all right but whose content is not; the validator alone must hold.
@Suite struct HostilePlanTests {
  /// Opens a file with the fixture's plan after `change`.
  private func open(_ change: (inout Plan) -> Void) throws {
    let fixture = try PlanFixture()
    var plan = fixture.loaded.plan
    change(&plan)
    let file = forgedFile([(1, plan.encoded()), (2, Array(fixture.loaded.weights))])
    _ = try openPlan(file)
  }

  private func changeScan(_ plan: inout Plan, _ change: (inout ScanStage) -> Void) {
    for index in plan.steps.indices {
      guard var stage = plan.steps[index].operation as? ScanStage else { continue }
      change(&stage)
      plan.steps[index].operation = stage
      return
    }
  }

  private func changeFeedForward(_ plan: inout Plan, _ change: (inout FeedForwardStage) -> Void) {
    for index in plan.steps.indices {
      guard var stage = plan.steps[index].operation as? FeedForwardStage else { continue }
      change(&stage)
      plan.steps[index].operation = stage
      return
    }
  }

  /// Changes the first operation that `body` says it has changed.
  private func change(_ plan: inout Plan, _ body: (inout any PlanOperation) -> Bool) {
    for index in plan.steps.indices where body(&plan.steps[index].operation) { return }
  }

  @Test func theUnchangedPlanOpens() throws { try open { _ in } }

  // L07
  @Test(arguments: [(Int.max - 63, 1), (64, Int.max / 2), (0, Int.max / 4), (1 << 40, 16)])
  func constantsOutsideTheWeights(offset: Int, count: Int) {
    expectError("plan.constant-bounds", "size.overflow") {
      try open { plan in
        plan.constants[3].byteOffset = offset / 64 * 64
        plan.constants[3].count = count
      }
    }
  }

  // L07
  @Test func constantsOffTheLine() {
    expectError("plan.constant-alignment") { try open { $0.constants[1].byteOffset += 4 } }
    expectError("plan.constant-bounds") { try open { $0.constants[1].count = 0 } }
  }

  // L08
  @Test(arguments: [1000, 1 << 31, Int(UInt32.max)])
  func buffersThatDoNotExist(id: Int) {
    expectError("plan.buffer-id") { try open { plan in changeScan(&plan) { $0.input = BufferID(rawValue: id) } } }
    expectError("plan.buffer-id") { try open { plan in changeScan(&plan) { $0.output = BufferID(rawValue: id) } } }
  }

  // L09
  @Test func buffersReadBeforeTheyAreWritten() {
    expectError("plan.read-before-write") { try open { $0.steps.swapAt(1, 2) } }
    expectError("plan.read-before-write", "plan.channels") { try open { $0.steps.remove(at: 1) } }
    expectError("plan.buffer-unused") { try open { $0.buffers.append($0.buffers[0]) } }
  }

  // L09
  @Test func buffersThatMustBeDistinct() {
    expectError("plan.buffer-aliased") {
      try open { plan in
        change(&plan) {
          guard var step = $0 as? HalveConvolution else { return false }
          (step.output, step.outputChannels) = (step.input, step.inputChannels)
          $0 = step
          return true
        }
      }
    }
    // A skip may be written over, but not where it is the map that is doubled.
    expectError("plan.buffer-aliased") {
      try open { plan in
        change(&plan) {
          guard var step = $0 as? DoubleConvolution else { return false }
          (step.skip, step.output, step.outputChannels) = (step.input, step.input, step.inputChannels)
          $0 = step
          return true
        }
      }
    }
  }

  // L09
  @Test func aStageMayWriteOverItsInput() throws {
    let (plan, byteCount) = try SyntheticPlan.evssm(dim: 4, inPlace: true)
    try PlanValidator.validate(plan, weightsByteCount: byteCount)
    #expect(plan.buffers.count == 3)
    _ = try plan.bind(height: 40, width: 300)
    // Before it is written by any other step, and with a later step that reads what is not written.
    expectError("plan.read-before-write") { try open { plan in changeFeedForward(&plan) { $0.input = $0.output } } }
    expectError("plan.read-before-write") { try open { plan in changeFeedForward(&plan) { $0.output = $0.input } } }
    expectError("plan.read-before-write") { try open { plan in changeScan(&plan) { $0.input = $0.output } } }
    expectError("plan.read-before-write") { try open { plan in changeScan(&plan) { $0.output = $0.input } } }
  }

  // L12, L16
  @Test func numbersOutOfTheirBounds() {
    let scans: [(inout ScanStage) -> Void] = [
      { $0.rmsEpsilon = .nan }, { $0.rmsEpsilon = -1 }, { $0.rmsEpsilon = 0 }, { $0.layerNormEpsilon = .infinity },
      { $0.stripPixels = 0 }, { $0.stripPixels = 1 << 31 }, { $0.windowSide = 1 }, { $0.windowSide = 1 << 31 },
      { $0.rank = 0 }, { $0.rank = 100_000 }, { $0.inner = 0 }, { $0.inner = 1 << 31 }, { $0.channels = 0 },
      { $0.channels = 1 << 31 },
    ]
    for change in scans { expectError("plan.number") { try open { plan in changeScan(&plan, change) } } }
    let feedForwards: [(inout FeedForwardStage) -> Void] = [
      { $0.rmsEpsilon = .nan }, { $0.stripRows = 0 }, { $0.stripRows = 3 }, { $0.panelColumns = 0 },
      { $0.panelColumns = 8 }, { $0.panelColumns = 20 }, { $0.panelColumns = 1 << 31 }, { $0.hidden = 0 },
      { $0.hidden = 1 << 31 },
    ]
    for change in feedForwards { expectError("plan.number") { try open { plan in changeFeedForward(&plan, change) } } }
  }

  // L13
  @Test func constantsThatDoNotExistOrHaveAnotherSize() {
    expectError("plan.constant-id") {
      try open { plan in changeScan(&plan) { $0.weights.decay = ConstantID(rawValue: 1 << 20) } }
    }
    expectError("plan.constant-count") {
      try open { plan in changeScan(&plan) { $0.weights.decay = $0.weights.dtBias } }
    }
    expectError("plan.constant-count") { try open { plan in changeScan(&plan) { $0.inner += 16 } } }
  }

  @Test func constantsOfATypeThatNoKernelTakes() throws {
    let (plan, byteCount) = try SyntheticPlan.evssm(dim: 4)
    let validate = { (change: (inout Plan, ScanStage.Weights) -> Void) in
      var changed = plan
      for step in plan.steps { if let stage = step.operation as? ScanStage { change(&changed, stage.weights) } }
      try PlanValidator.validate(changed, weightsByteCount: byteCount)
    }
    try validate { plan, weights in
      for id in [weights.inProjectionX, weights.inProjectionZ, weights.outProjection] {
        plan.constants[id.rawValue].element = .bfloat16
      }
    }
    for vector in [\ScanStage.Weights.decay, \.xProjection, \.convolution] {
      expectError("plan.constant-type") {
        try validate { plan, weights in plan.constants[weights[keyPath: vector].rawValue].element = .bfloat16 }
      }
    }
    expectError("plan.constant-type") {
      try validate { plan, weights in plan.constants[weights.outProjection.rawValue].element = .bfloat16 }
    }
    expectError("plan.constant-count") {
      try validate { plan, weights in
        plan.constants[weights.inProjectionX.rawValue].element = .bfloat16
        plan.constants[weights.inProjectionX.rawValue].count += 2
      }
    }
  }

  // L17
  @Test func mapsThatContradictEachOther() {
    expectError("plan.size-role") { try open { $0.buffers[1].height = .height } }
    expectError("plan.channels") { try open { $0.buffers[1].channels += 1 } }
    expectError("plan.number") { try open { $0.buffers[1].channels = 0 } }
    expectError("plan.number") { try open { $0.buffers[1].channels = 1 << 31 } }
    expectError("plan.map-size") { try open { $0.buffers[1].height = .constant(0) } }
    expectError("plan.map-size") { try open { $0.buffers[1].width = .constant(.min) } }
    expectError("limit.exceeded", limit: "max_picture_side") { try open { $0.buffers[1].width = .constant(1 << 40) } }
    expectError("size.overflow") { try open { $0.buffers[1].width = .product(.constant(.max), .width) } }
    expectError("plan.size-expression") { try open { $0.buffers[1].width = .floorDivide(.width, .constant(0)) } }
    expectError("plan.number") { try open { $0.model.minimumSide = 0 } }
    expectError("plan.picture-steps") { try open { $0.steps.removeLast() } }
    expectError("plan.picture-steps") { try open { $0.steps = [] } }
  }

  // L18, L25: another model's name is only text; an empty or overlong one is refused.
  @Test func namesAreBounded() throws {
    try open { $0.model.architecture = "another network" }
    expectError("plan.name") { try open { $0.model.architecture = "" } }
    expectError("limit.exceeded", limit: "max_plan_name_bytes") {
      try open { $0.model.architecture = String(repeating: "a", count: 1 << 20) }
    }
    expectError("protobuf.string-zero-byte") { try open { $0.steps[1].name = "a\0b" } }
    expectError("plan.duplicate-step") { try open { $0.steps[1].name = $0.steps[2].name } }
    expectError("limit.exceeded", limit: "max_plan_constant_name_bytes") {
      try open { $0.constants[0].name = String(repeating: "a", count: 1025) }
    }
  }

  // L19
  @Test func countsAreBounded() {
    expectError("limit.exceeded", limit: "max_plan_steps") {
      try open { plan in plan.steps += (0..<2100).map { Step(name: "\($0)", operation: plan.steps[1].operation) } }
    }
    expectError("limit.exceeded", limit: "max_plan_buffers") {
      try open { plan in plan.buffers += Array(repeating: plan.buffers[0], count: 2100) }
    }
    expectError("limit.exceeded", limit: "max_plan_attributes") {
      try open { $0.model.hyperparameters = Array(repeating: .init(name: "a", value: "b"), count: 65) }
    }
  }

  // L10, L11
  @Test func storedBindingsAreProven() throws {
    let fixture = try PlanFixture()
    let good = Plan.encoded(fixture.bindings)
    let sections = { (bindings: [UInt8]) in
      forgedFile([
        (1, fixture.loaded.plan.encoded()), (3, bindings), (2, Array(fixture.loaded.weights)),
      ])
    }
    #expect(try openPlan(sections(good)).bindings == fixture.bindings)
    for index in good.indices {
      var bytes = good
      bytes[index] ^= 0x41
      // Another placement may be as good; whatever opens has passed the checker.
      do { _ = try openPlan(sections(bytes)) } catch is EVSSMError {}
    }
    expectError("limit.exceeded", limit: "max_plan_bindings") {
      _ = try openPlan(sections(Array(repeating: good, count: 33).flatMap { $0 }))
    }
  }

  // L20: any single changed byte of the program, with its digest made right, is harmless or a typed error.
  @Test func changedProgramsAreHarmlessOrRefused() throws {
    let fixture = try PlanFixture()
    let program = fixture.loaded.plan.encoded()
    var generator = SeededGenerator(state: 20)
    for _ in 0..<600 {
      var bytes = program
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      do {
        let plan = try bytes.withUnsafeBytes { try Plan(program: $0) }
        try PlanValidator.validate(plan, weightsByteCount: fixture.loaded.weights.count)
        _ = try plan.bind(height: plan.model.minimumSide, width: plan.model.minimumSide + 3)
      } catch is EVSSMError {}
    }
    for end in stride(from: 0, to: program.count, by: max(1, program.count / 64)) {
      expectError(
        "protobuf.truncated", "plan.missing-field", "plan.picture-steps", "plan.size-expression", "plan.constant-id",
        "plan.operation", "plan.number", "plan.buffer-id", "plan.constant-bounds", "plan.name"
      ) {
        let plan = try program[..<end].withUnsafeBytes { try Plan(program: $0) }
        try PlanValidator.validate(plan, weightsByteCount: fixture.loaded.weights.count)
      }
    }
  }

  // L20
  @Test func certificatesAreProven() throws {
    let fixture = try PlanFixture()
    let good = fixture.certificate.encoded()
    let open = { (bytes: [UInt8]) in
      _ = try openPlan(
        forgedFile([(1, fixture.loaded.plan.encoded()), (4, bytes), (2, Array(fixture.loaded.weights))]))
    }
    try open(good)
    var generator = SeededGenerator(state: 4)
    for _ in 0..<50 {
      var bytes = good
      bytes[Int.random(in: 20..<bytes.count - 5, using: &generator)] ^= 1
      expectError("plan.certificate") { try open(bytes) }
    }
    expectError("protobuf.unknown-field") { try open(good + [0x78, 0x01]) }
    expectError("protobuf.duplicate-field") { try open(good + good) }
  }
}
