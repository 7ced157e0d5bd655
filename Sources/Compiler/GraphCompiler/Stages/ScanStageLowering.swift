import ExecutionPlan
import GraphIR
import GraphRewriting
import Tensors

/// Recognises the scan half of a block, with or without windows, as ``FusedScanStage``.
struct FuseScanStage: FusingPass {
  static let name = "fuse-scan-stage"

  func fuse(_ node: Node, _ matcher: Matcher) throws -> Fusion? {
    guard let add = node.op as? ElementwiseBinary, add.function == .add,
      let out = matcher.find(node.inputs[1], PointwiseLinear.self, inputs: 2)
    else { return nil }
    let x = node.inputs[0]
    let (y, gate) = try matcher.binary(out.inputs[0], .multiply)
    let z = try matcher.match(try matcher.unary(gate, .gelu), PointwiseLinear.self, inputs: 3)
    let norm = try matcher.match(z.inputs[0], RMSNorm.self, inputs: 1, uses: 2)
    try matcher.require(norm.inputs[0] == x, "the norm reads another map than the residual")
    let scan = try windowedScan(y, matcher)
    let u = try matcher.match(scan.input, PointwiseLinear.self, inputs: 3)
    try matcher.require(u.inputs[0] == z.inputs[0], "x and z come from different norms")
    try matcher.constants(Array(u.inputs.dropFirst() + z.inputs.dropFirst() + out.inputs.dropFirst()))
    let op = FusedScanStage(
      frame: scan.frame, windowSide: scan.side, rank: scan.rank, rmsEpsilon: norm.op.epsilon,
      layerNormEpsilon: scan.epsilon)
    let operands =
      [x, u.inputs[1], u.inputs[2]].map(Fusion.Operand.value) + scan.constants
      + [z.inputs[1], z.inputs[2], out.inputs[1]].map(Fusion.Operand.value)
    return Fusion(op: op, operands: operands)
  }

  /// What was recognised between the projections.
  private struct Scan {
    var input: ValueID
    var frame: Frame
    var side: Int?
    var rank: Int
    var epsilon: Double
    /// From the depthwise convolution's weight to the bias of the last norm, in the order of ``FusedScanStage/Operand``.
    var constants: [Fusion.Operand]
  }

  private func windowedScan(_ y: ValueID, _ matcher: Matcher) throws -> Scan {
    guard let windows = matcher.find(y, Windows.self, inputs: 1) else { return try scan(y, matcher) }
    let body = windows.op.body
    try matcher.require(body.outputs.count == 1, "the windows give more than the scan's result")
    var scan = try scan(body.outputs[0], Matcher(body))
    try matcher.require(scan.input == body.inputs[0], "the windows do more than the scan")
    try matcher.require(scan.frame == windows.op.frame, "windows and scan are in different frames")
    scan.input = windows.inputs[0]
    scan.side = windows.op.side
    return scan
  }

  private func scan(_ y: ValueID, _ matcher: Matcher) throws -> Scan {
    let norm = try matcher.match(y, LayerNorm.self, inputs: 3)
    let scan = try matcher.match(norm.inputs[0], SelectiveScan.self, inputs: 6)
    try matcher.require(scan.op.base == .two, "the scan's base is not 2")
    let dt = try matcher.match(try matcher.unary(scan.inputs[1], .softplus), PointwiseLinear.self, inputs: 3)
    let split = try matcher.match(dt.inputs[0], Split.self, inputs: 1)
    let states = FusedScanStage.states
    try matcher.require(
      split.node.outputs == [dt.inputs[0], scan.inputs[3], scan.inputs[4]]
        && split.op.sizes.dropFirst() == [states, states],
      "the scan's parameters are not the time step, B and C")
    let taps = try matcher.match(split.inputs[0], ScanConvolution.self, inputs: 3)
    try matcher.require(taps.op.frame == scan.op.frame, "the scan and its convolution are in different frames")
    let projection = try matcher.match(taps.inputs[0], PointwiseLinear.self, inputs: 2)
    let v = scan.inputs[0]
    try matcher.require(projection.inputs[0] == v, "the scan's parameters come from another map")
    let convolution = try matcher.match(
      try matcher.unary(v, .gelu, uses: 2), DepthwiseConvolution.self, inputs: 3)
    let constants =
      convolution.inputs[1...] + projection.inputs[1...] + taps.inputs[1...] + dt.inputs[1...]
      + [scan.inputs[2], scan.inputs[5]] + norm.inputs[1...]
    return Scan(
      input: convolution.inputs[0], frame: scan.op.frame, side: nil, rank: split.op.sizes[0], epsilon: norm.op.epsilon,
      constants: try constants.map { id in
        guard let tensor = matcher.graph.constant(id) else { throw Mismatch("a weight is not a constant") }
        return .constant(matcher.graph[id].name, tensor)
      })
  }
}

/// ``FusedScanStage`` to ``ScanStage``.
struct ScanStageLowering: StageLowering {
  static let role = StageRole.halfOfBlock
  static let rounding = StageRounding.matrices(
    "in_proj and out_proj in bfloat16, sums in float32; x_proj, which steers the scan, norms, scan and residual in "
      + "float32")
  static let overwritable: OverwritableOperand? = OverwritableOperand(operand: 0, name: "input")

  private typealias Operand = FusedScanStage.Operand
  private let stage: FusedScanStage
  private var choice: Schedule.ScanChoice?

  init(_ stage: FusedScanStage) { self.stage = stage }

  static func modelName(_ weights: WeightNames) -> String? {
    weights.prefix(before: ".attn.").map { $0 + ".scan_stage" }
  }

  var windowSide: Int? { stage.windowSide }

  mutating func choose(_ schedule: Schedule, _ operands: StageOperands) throws -> String? {
    let choice = schedule.scan(inner: try operands.shape(Operand.inProjectionX.rawValue)[0], rank: stage.rank)
    self.choice = choice
    return choice.reason
  }

  var choices: [Attribute] { choice.map { [Attribute("strip_pixels", $0.stripPixels)] } ?? [] }

  func result(_ operands: StageOperands) throws -> StageResult? {
    StageResult(channels: try operands.shape(Operand.inProjectionX.rawValue)[1], size: .same)
  }

  func operation(
    _ operands: StageOperands, _ maps: StageMaps, _ packer: inout WeightPacker
  ) throws -> any PlanOperation {
    guard let choice else { throw Self.unscheduled(operands) }
    let shape = try operands.shape(Operand.inProjectionX.rawValue)
    let weights = try weights(operands, &packer)
    return ScanStage(
      input: try maps.operand(0), output: try maps.output(), channels: shape[1], inner: shape[0], rank: stage.rank,
      frame: stage.frame, windowSide: stage.windowSide, rmsEpsilon: Float(stage.rmsEpsilon),
      layerNormEpsilon: Float(stage.layerNormEpsilon), stripPixels: choice.stripPixels, weights: weights)
  }

  private func weights(_ operands: StageOperands, _ packer: inout WeightPacker) throws -> ScanStage.Weights {
    func weight(_ operand: Operand) throws -> StageOperands.Weight { try operands.weight(operand.rawValue) }
    let rounded = operands.precision
    return ScanStage.Weights(
      inProjectionX: packer.linear(try weight(.inProjectionX), rounded),
      inProjectionXBias: packer.vector(try weight(.inProjectionXBias)),
      convolution: packer.depthwise(try weight(.convolution), stage.frame),
      convolutionBias: packer.vector(try weight(.convolutionBias)),
      xProjection: packer.linear(try weight(.xProjection)),
      taps: packer.transposed(try weight(.taps)),
      tapsBias: packer.vector(try weight(.tapsBias)),
      dtProjection: packer.transposed(try weight(.dtProjection)),
      dtBias: packer.vector(try weight(.dtBias)),
      decay: packer.transposed(try weight(.decay)),
      skip: packer.vector(try weight(.skip)),
      normWeight: packer.vector(try weight(.normWeight)),
      normBias: packer.vector(try weight(.normBias)),
      inProjectionZ: packer.linear(try weight(.inProjectionZ), rounded),
      inProjectionZBias: packer.vector(try weight(.inProjectionZBias)),
      outProjection: packer.linear(try weight(.outProjection), rounded))
  }
}

extension Schedule {
  struct ScanChoice {
    /// Pixels of a strip.
    var stripPixels: Int
    var reason: String
  }

  /// Each pixel has the expanded map, two strips of the mixed one (inner channels all), two of the parameters, and those
  /// behind the taps.
  func scan(inner: Int, rank: Int) -> ScanChoice {
    let parameters = Layout.pitch(rank + 2 * Layout.states)
    let pixel = 4 * (3 * Layout.pitch(inner) + 3 * parameters)
    // The depthwise convolution reads three rows, the scan and what follows read and write once each.
    let traffic = 4 * (8 * Layout.pitch(inner) + 4 * parameters)
    let choices = scanStripPixels.map { [$0] } ?? [256, 512, 768, 1024, 1536, 2048, 3072, 4096]
    let best = choices.min { cost($0, pixel, traffic) < cost($1, pixel, traffic) }
    let pixels = best ?? 1024
    return ScanChoice(
      stripPixels: pixels,
      reason: "strips of about \(pixels) pixels: \(Self.megabytes(pixels * pixel)) of buffers, in the "
        + model.level(pixels * pixel).rawValue)
  }

  private func cost(_ pixels: Int, _ pixel: Int, _ traffic: Int) -> Double {
    model.cycles(pixels: pixels, phases: 5, bytes: pixels * pixel, traffic: traffic)
  }
}
