import ExecutionPlan
import GraphIR
import GraphRewriting
import Tensors
import Testing

@testable import GraphCompiler

/// Each pass on plans: the steps before, the steps after.
@Suite struct PlanPassTests {
  /// A stage whose input is read later, a level down and up again.
  private func draft() throws -> PlanDraft {
    var sketch = Sketch(channels: 3)
    func weight(_ shape: Int...) throws -> ValueID {
      sketch.graph.addConstant("w", try PassTesting.tensor(shape, seed: 1))
    }
    let first = try sketch.add(FusedPictureConvolution(), [sketch.x, weight(4, 3, 3, 3)], "first")
    let stage = FusedFeedForwardStage(frame: .upright, hidden: 6, epsilon: 1e-6)
    let weights = try [weight(12, 4), weight(12), weight(12, 3, 3), weight(4, 6), weight(4, 8, 8)]
    let mixed = try sketch.add(stage, [first] + weights, "mixed")
    let half = try sketch.add(FusedHalveConvolution(), [mixed, weight(8, 4, 3, 3)], "down")
    let again = try sketch.add(FusedDoubleConvolution(), [half, first, weight(4, 8, 3, 3)], "up")
    return try PlanDraft(
      sketch.finish(sketch.add(FusedOutputConvolution(), [again, sketch.x, weight(3, 4, 3, 3)], "last")))
  }

  private func run(
    _ pass: any PlanPass, on draft: inout PlanDraft, _ settings: PlanSettings = PlanSettings()
  ) throws -> [String] {
    let explanations = try pass.decide(&draft, settings)
    try draft.check(after: "the test")
    return explanations.map(\.description)
  }

  @Test func mapsAreShared() throws {
    var draft = try draft()
    #expect(
      try draft.dump() == """
        map0 = picture_convolution(picture) : 4 channels, 1/1, float32  # first
        map1 = feed_forward_stage(map0) : 4 channels, 1/1, float32  # mixed
        map2 = halve_convolution(map1) : 8 channels, 1/2, float32  # down
        map3 = double_convolution(map2, map0) : 4 channels, 1/1, float32  # up
        picture = output_convolution(map3) : float32  # last

        """)
    #expect(
      try run(ShareMaps(), on: &draft) == [
        "share-maps: rejected at mixed: a map of its own: a later step reads the input",
        "share-maps: applied at up: writes over its skip, which no later step reads",
      ])
    #expect(
      try draft.dump() == """
        map0 = picture_convolution(picture) : 4 channels, 1/1, float32  # first
        map1 = feed_forward_stage(map0) : 4 channels, 1/1, float32  # mixed
        map2 = halve_convolution(map1) : 8 channels, 1/2, float32  # down
        map0 = double_convolution(map2, map0) : 4 channels, 1/1, float32  # up
        picture = output_convolution(map0) : float32  # last

        """)
  }

  @Test func stepsAreCut() throws {
    var draft = try draft()
    var settings = PlanSettings()
    settings.schedule.feedForwardRows = 2
    settings.schedule.feedForwardColumns = 48
    let explanations = try run(ChooseSchedule(), on: &draft, settings)
    #expect(explanations.count == 2)
    #expect(explanations[0].hasPrefix("schedule: applied at mixed: strips of 2 rows in panels of 48 columns"))
    #expect(explanations[1].hasPrefix("schedule: applied at up: matrices before interpolation, 64 columns at a time"))
    let lines = try draft.dump().split(separator: "\n")
    #expect(lines[1].hasPrefix("map1 = feed_forward_stage(map0){strip_rows: 2, panel_columns: 48}"))
    #expect(lines[3].hasPrefix("map3 = double_convolution(map2, map0){panel_columns: 64}"))
  }

  @Test func matricesAreRoundedWhereTheyComeLate() throws {
    var draft = try PlanDraft(
      Pipeline.run(
        PipelineTests.Case(architecture: PipelineTests.architecture(4, [2, 1, 1]), height: 20, width: 20).graph()
      )
      .graph)
    #expect(try run(RoundMatrices(), on: &draft) == [])
    #expect(draft.stages.allSatisfy { $0.precision == .float32 })
    let explanations = try run(RoundMatrices(), on: &draft, PlanSettings(precision: .bfloat16))
    #expect(explanations.count == draft.stages.count)
    let exact = draft.stages.filter { $0.precision == .float32 }.map(\.node.name)
    #expect(
      exact == [
        "patch_embed.proj", "encoder_level1.block0.scan_stage", "encoder_level1.block0.feed_forward_stage",
        "down1_2.body.1", "output.crop",
      ])
    #expect(
      explanations.first
        == "round-matrices: rejected at patch_embed.proj: the picture's values would lose bits of their own")
  }

  @Test func draftsThatBreakARuleAreRefused() throws {
    var overwriting = try draft()
    overwriting.stages[1].writesOver = true
    #expect(throws: EVSSMError.self) { try overwriting.check(after: "a pass") }
    var rounding = try draft()
    rounding.stages[0].precision = .bfloat16
    let error = #expect(throws: EVSSMError.self) { try rounding.check(after: "a pass") }
    #expect(error?.code == "plan.draft" && error?.message.contains("a pass") == true)
    var shorter = try draft()
    shorter.stages.removeLast()
    #expect(throws: EVSSMError.self) { try shorter.check(after: "a pass") }
  }

  @Test func whatHasNoStepIsNamed() throws {
    var sketch = Sketch()
    let graph = try sketch.finish(sketch.add(ElementwiseUnary(.gelu), [sketch.x], "lonely"))
    let error = #expect(throws: EVSSMError.self) { try PlanDraft(graph) }
    #expect(error?.code == "compile.no-kernel" && error?.message.contains("lonely (unary)") == true)
  }

  @Test func stepsThatNobodyCutAreNotEmitted() throws {
    let model = ModelDescription(
      architecture: "test", hyperparameters: [], parameterCount: 0, windows: .whole, minimumSide: 20)
    let draft = try draft()
    let error = #expect(throws: EVSSMError.self) { try StageEmitter.emit(draft, model) }
    #expect(error?.code == "compile.unscheduled")
  }
}

@Suite struct DumpTests {
  @Test func everyPassOfANetworkHasADump() throws {
    let graph = try PipelineTests.cases[0].graph()
    #expect(try Pipeline.dump(graph) == graph.dump())
    let graphs = (Pipeline.simplify + Pipeline.lower + Pipeline.fuse).map { type(of: $0).name }
    for name in graphs { #expect(try Pipeline.dump(graph, after: name).hasPrefix("input %0 picture")) }
    for pass in Pipeline.plan {
      #expect(try Pipeline.dump(graph, after: type(of: pass).name).hasPrefix("map0 = picture_convolution(picture)"))
    }
    #expect(try Pipeline.dump(graph, after: "fuse-picture-convolution") == Pipeline.run(graph).graph.dump())
  }

  @Test func namesOfNoPassAreAnsweredWithThoseThatAre() throws {
    let graph = try PipelineTests.cases[0].graph()
    let unknown = #expect(throws: EVSSMError.self) { try Pipeline.dump(graph, after: "fuse") }
    #expect(unknown?.code == "compile.pass")
    #expect(unknown?.message.contains(Pipeline.passNames.joined(separator: ", ")) == true)
    let unused = #expect(throws: EVSSMError.self) { try Pipeline.dump(graph, after: "raise-embedded") }
    #expect(unused?.message.contains("does not run on this graph") == true)
    #expect(Set(Pipeline.passNames).count == Pipeline.passNames.count)
  }
}
