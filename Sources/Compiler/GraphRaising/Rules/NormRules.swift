import GraphIR
import Tensors

/// Sums and means over channels.
struct LiftReduction: LiftingRule {
  let types = ["ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL2"]

  func lift(_ site: LiftingSite, _ lifter: inout Lifter) throws -> [MapView?]? {
    guard let view = try lifter.view(site.input(0)), let channels = lifter.channels(view.map),
      let given = lifter.ints(site, 1, attribute: "axes")
    else { return nil }
    let rank = view.axes.count
    let axes = Set(given.map { $0 < 0 ? $0 + rank : $0 })
    guard axes.allSatisfy(view.axes.indices.contains), let axis = view.channelAxis(Dimension(channels)),
      axes.contains(axis), axes.allSatisfy({ $0 == axis || view.axes[$0].isEmpty })
    else { return try LiftPatchMean.lift(site, view, axes, &lifter) }
    let squares = site.call.type == "ReduceSumSquare" || site.call.type == "ReduceL2"
    let x = squares ? try lifter.product(view.map, view.map) : view.map
    var result = try lifter.addOne(LiftedOperator(.sumChannels), [x])
    if site.call.type == "ReduceMean" {
      result = try lifter.affine(result, AffineChange(scale: [1 / Double(channels)], shift: [0]))
    }
    if site.call.type == "ReduceL2" { result = try lifter.root(result) }
    let keeps = site.int("keepdims") ?? 1 != 0
    let kept = view.axes.indices.filter { keeps || !axes.contains($0) }
    return [MapView(map: result, axes: kept.map { axes.contains($0) ? [] : view.axes[$0] })]
  }
}

/// The mean of each 2×2, written as a mean over the inner axes of a reshaped map.
enum LiftPatchMean {
  static func lift(
    _ site: LiftingSite, _ view: MapView, _ axes: Set<Int>, _ lifter: inout Lifter
  ) throws -> [MapView?]? {
    guard site.call.type == "ReduceMean" else { return nil }
    let digits = axes.sorted().flatMap { view.axes[$0] }
    let expected = [AxisDigit(axis: .row, size: 2), AxisDigit(axis: .column, size: 2)]
    guard digits == expected, let keeps = Optional(site.int("keepdims") ?? 1 != 0) else { return nil }
    let half = try lifter.addOne(BilinearResample(.half), [view.map])
    let kept = view.axes.indices.filter { keeps || !axes.contains($0) }
    let halved = try kept.map { axis -> [AxisDigit] in
      if axes.contains(axis) { return [] }
      return try view.axes[axis].map { digit in
        guard digit.axis != .channel else { return digit }
        var copy = digit
        copy.stride = try digit.stride.dividedRoundingDown(by: 2)
        return copy
      }
    }
    return [MapView(map: half, axes: halved)]
  }
}

/// Normalisations that are one operator.
struct LiftNormalisation: LiftingRule {
  let types = ["LayerNormalization", "RMSNormalization"]

  func lift(_ site: LiftingSite, _ lifter: inout Lifter) throws -> [MapView?]? {
    guard let view = try lifter.view(site.input(0)), let channels = lifter.channels(view.map) else { return nil }
    var axis = site.int("axis") ?? -1
    if axis < 0 { axis += view.axes.count }
    guard axis == view.axes.count - 1, view.channelAxis(Dimension(channels)) == axis else {
      throw Mismatch("the norm is not over the channels")
    }
    let epsilon = Lifter.rounded(site.float("epsilon") ?? 1e-5)
    let isLayerNorm = site.call.type == "LayerNormalization"
    guard let weight = lifter.constant(site.input(1)), weight.shape == [channels] else { return nil }
    let zeros = try Tensor(shape: [channels], floats: [Float](repeating: 0, count: channels))
    let bias = lifter.constant(site.input(2)) ?? zeros
    let names = (1...2).map { site.input($0).map { lifter.source[$0].name } ?? "" }
    let weights = [lifter.edit.constant(names[0], weight), lifter.edit.constant(names[1], bias)]
    let op: any Operator = isLayerNorm ? LayerNorm(epsilon: epsilon) : RMSNorm(epsilon: epsilon)
    let result = try lifter.addOne(op, [view.map] + weights)
    return [view.showing(result)] + site.node.outputs.dropFirst().map { _ in nil }
  }
}
