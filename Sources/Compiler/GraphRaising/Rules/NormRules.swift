import GraphIR
import GraphRewriting
import Tensors

/// Sums and means over channels.
struct ReductionRule: RaisingRule {
  let types = ["ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL2"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let view = try raiser.view(site.input(0)), let channels = raiser.channels(view.map),
      let given = raiser.ints(site, 1, attribute: "axes")
    else { return .notApplicable }
    let rank = view.axes.count
    let axes = Set(given.map { $0 < 0 ? $0 + rank : $0 })
    guard axes.allSatisfy(view.axes.indices.contains), let axis = view.channelAxis(Dimension(channels)),
      axes.contains(axis), axes.allSatisfy({ $0 == axis || view.axes[$0].isEmpty })
    else { return try PatchMeanRule.raise(site, view, axes, &raiser) }
    let squares = site.call.type == "ReduceSumSquare" || site.call.type == "ReduceL2"
    let x = squares ? try raiser.product(view.map, view.map) : view.map
    var result = try raiser.addOne(RaisedOperator(.sumChannels), [x])
    if site.call.type == "ReduceMean" {
      result = try raiser.affine(result, AffineChange(scale: [1 / Double(channels)], shift: [0]))
    }
    if site.call.type == "ReduceL2" { result = try raiser.root(result) }
    let keeps = site.call.integer("keepdims") ?? 1 != 0
    let kept = view.axes.indices.filter { keeps || !axes.contains($0) }
    return .raised([MapView(map: result, axes: kept.map { axes.contains($0) ? [] : view.axes[$0] })])
  }
}

/// The mean of each 2×2, written as a mean over the inner axes of a reshaped map.
enum PatchMeanRule {
  static func raise(
    _ site: RaisingSite, _ view: MapView, _ axes: Set<Int>, _ raiser: inout Raiser
  ) throws -> RaisingOutcome {
    guard site.call.type == "ReduceMean" else { return .notApplicable }
    let digits = axes.sorted().flatMap { view.axes[$0] }
    let expected = [AxisDigit(axis: .row, size: 2), AxisDigit(axis: .column, size: 2)]
    guard digits == expected, let keeps = Optional(site.call.integer("keepdims") ?? 1 != 0) else {
      return .notApplicable
    }
    let half = try raiser.addOne(BilinearResample(.half), [view.map])
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
    return .raised([MapView(map: half, axes: halved)])
  }
}

/// Normalisations that are one operator.
struct NormalisationRule: RaisingRule {
  let types = ["LayerNormalization", "RMSNormalization"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let view = try raiser.view(site.input(0)), let channels = raiser.channels(view.map) else {
      return .notApplicable
    }
    var axis = site.call.integer("axis") ?? -1
    if axis < 0 { axis += view.axes.count }
    guard axis == view.axes.count - 1, view.channelAxis(Dimension(channels)) == axis else {
      throw Mismatch("the norm is not over the channels")
    }
    let epsilon = Raiser.rounded(site.call.real("epsilon") ?? 1e-5)
    let isLayerNorm = site.call.type == "LayerNormalization"
    guard let weight = raiser.constant(site.input(1)), weight.shape == [channels] else { return .notApplicable }
    let zeros = try Tensor(shape: [channels], floats: [Float](repeating: 0, count: channels))
    let bias = raiser.constant(site.input(2)) ?? zeros
    let names = (1...2).map { site.input($0).map { raiser.source[$0].name } ?? "" }
    let weights = [raiser.edit.constant(names[0], weight), raiser.edit.constant(names[1], bias)]
    let op: any Operator = isLayerNorm ? LayerNorm(epsilon: epsilon) : RMSNorm(epsilon: epsilon)
    let result = try raiser.addOne(op, [view.map] + weights)
    return .raised([view.showing(result)] + site.node.outputs.dropFirst().map { _ in nil })
  }
}
