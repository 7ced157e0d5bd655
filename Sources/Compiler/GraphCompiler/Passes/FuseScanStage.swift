import GraphIR
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
