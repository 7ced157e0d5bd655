import GraphIR
import GraphRewriting
import Tensors

/// Bilinear halves and doubles.
struct ResizeRule: RaisingRule {
  let types = ["Resize", "Upsample"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let map = try raiser.plainMap(site.input(0)), raiser.maps.views[site.inputs[0]!]?.axes.count == 4 else {
      return .notApplicable
    }
    let from = raiser.type(map).shape
    let to = raiser.shape(site.node.outputs[0])
    let mode = site.call.string("coordinate_transformation_mode") ?? "half_pixel"
    guard site.call.string("mode") == "linear", mode == "half_pixel" || mode == "pytorch_half_pixel",
      site.call.integer("antialias") ?? 0 == 0, site.call.integer("exclude_outside") ?? 0 == 0
    else {
      throw Mismatch("only bilinear resampling with half-pixel centres, not smoothed, is part of the network")
    }
    guard to.count == 4, to[1] == from[1] else { return .notApplicable }
    let factor: BilinearResample.Factor
    if try from[2].times(2) == to[2], try from[3].times(2) == to[3] {
      factor = .double
    } else if try to[2].times(2) == from[2], try to[3].times(2) == from[3] {
      factor = .half
    } else {
      throw Mismatch("only resampling by ½ and 2 of even sizes is part of the network")
    }
    let result = try raiser.addOne(BilinearResample(factor), [map])
    return .raised([MapView(result, raiser.type(result))])
  }
}

/// The mean of each 2×2, as a pooling.
struct AveragePoolRule: RaisingRule {
  let types = ["AveragePool"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let map = try raiser.plainMap(site.input(0)), site.call.integers("kernel_shape") == [2, 2],
      site.call.integers("strides") == [2, 2], (site.call.integers("pads") ?? [0]).allSatisfy({ $0 == 0 }),
      (site.call.integers("dilations") ?? [1]).allSatisfy({ $0 == 1 })
    else { return .notApplicable }
    let result = try raiser.addOne(BilinearResample(.half), [map])
    return .raised([MapView(result, raiser.type(result))])
  }
}

/// Padding by reflection at the end, and by zeros around a window.
struct PadRule: RaisingRule {
  let types = ["Pad"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let input = site.input(0), let view = try raiser.view(input),
      MapView(view.map, raiser.type(view.map)).axes == view.axes, let pads = raiser.sizes(site.input(1)),
      pads.count == 8
    else { return .notApplicable }
    let axes = site.input(3).flatMap { raiser.ints($0) }
    guard axes == nil || axes == [0, 1, 2, 3] else { return .notApplicable }
    let to = raiser.shape(site.node.outputs[0])
    if pads.allSatisfy({ $0 == 0 }) { return .raised([view]) }
    guard to[0] == 1, to[1] == raiser.type(view.map).shape[1] else { return .notApplicable }
    let result: ValueID
    switch site.call.string("mode") ?? "constant" {
    case "reflect":
      guard pads[2] == 0, pads[3] == 0 else {
        throw Mismatch("reflection at the top or left is not part of the network")
      }
      result = try raiser.addOne(RaisedOperator(.grown(height: to[2], width: to[3])), [view.map])
    case "constant":
      if let fill = site.input(2), raiser.constant(fill)?.doubles().allSatisfy({ $0 == 0 }) != true {
        return .notApplicable
      }
      // In front of a convolution the pads are its own.
      let kind = RaisedOperator.Kind.placed(top: pads[2], left: pads[3], height: to[2], width: to[3])
      result = try raiser.addOne(RaisedOperator(kind), [view.map])
    default: return .notApplicable
    }
    return .raised([MapView(result, raiser.type(result))])
  }
}
