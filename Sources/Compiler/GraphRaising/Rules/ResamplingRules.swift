import GraphIR
import Tensors

/// Bilinear halves and doubles.
struct LiftResize: LiftingRule {
  let types = ["Resize", "Upsample"]

  func lift(_ site: LiftingSite, _ lifter: inout Lifter) throws -> [MapView?]? {
    guard let map = try lifter.plainMap(site.input(0)), lifter.views[site.inputs[0]!]?.axes.count == 4 else {
      return nil
    }
    let from = lifter.type(map).shape
    let to = lifter.shape(site.node.outputs[0])
    let mode = site.string("coordinate_transformation_mode") ?? "half_pixel"
    guard site.string("mode") == "linear", mode == "half_pixel" || mode == "pytorch_half_pixel",
      site.int("antialias") ?? 0 == 0, site.int("exclude_outside") ?? 0 == 0
    else {
      throw Mismatch("only bilinear resampling with half-pixel centres, not smoothed, is part of the network")
    }
    guard to.count == 4, to[1] == from[1] else { return nil }
    let factor: BilinearResample.Factor
    if try from[2].times(2) == to[2], try from[3].times(2) == to[3] {
      factor = .double
    } else if try to[2].times(2) == from[2], try to[3].times(2) == from[3] {
      factor = .half
    } else {
      throw Mismatch("only resampling by ½ and 2 of even sizes is part of the network")
    }
    let result = try lifter.addOne(BilinearResample(factor), [map])
    return [MapView(result, lifter.type(result))]
  }
}

/// The mean of each 2×2, as a pooling.
struct LiftAveragePool: LiftingRule {
  let types = ["AveragePool"]

  func lift(_ site: LiftingSite, _ lifter: inout Lifter) throws -> [MapView?]? {
    guard let map = try lifter.plainMap(site.input(0)), site.ints("kernel_shape") == [2, 2],
      site.ints("strides") == [2, 2], (site.ints("pads") ?? [0]).allSatisfy({ $0 == 0 }),
      (site.ints("dilations") ?? [1]).allSatisfy({ $0 == 1 })
    else { return nil }
    let result = try lifter.addOne(BilinearResample(.half), [map])
    return [MapView(result, lifter.type(result))]
  }
}

/// Padding by reflection at the end, and by zeros around a window.
struct LiftPad: LiftingRule {
  let types = ["Pad"]

  func lift(_ site: LiftingSite, _ lifter: inout Lifter) throws -> [MapView?]? {
    guard let input = site.input(0), let view = try lifter.view(input),
      MapView(view.map, lifter.type(view.map)).axes == view.axes, let pads = lifter.sizes(site.input(1)),
      pads.count == 8
    else { return nil }
    let axes = site.input(3).flatMap { lifter.ints($0) }
    guard axes == nil || axes == [0, 1, 2, 3] else { return nil }
    let to = lifter.shape(site.node.outputs[0])
    if pads.allSatisfy({ $0 == 0 }) { return [view] }
    guard to[0] == 1, to[1] == lifter.type(view.map).shape[1] else { return nil }
    let result: ValueID
    switch site.string("mode") ?? "constant" {
    case "reflect":
      guard pads[2] == 0, pads[3] == 0 else {
        throw Mismatch("reflection at the top or left is not part of the network")
      }
      result = try lifter.addOne(LiftedOperator(.grown(height: to[2], width: to[3])), [view.map])
    case "constant":
      if let fill = site.input(2), lifter.constant(fill)?.doubles().allSatisfy({ $0 == 0 }) != true { return nil }
      // In front of a convolution the pads are its own.
      let kind = LiftedOperator.Kind.placed(top: pads[2], left: pads[3], height: to[2], width: to[3])
      result = try lifter.addOne(LiftedOperator(kind), [view.map])
    default: return nil
    }
    return [MapView(result, lifter.type(result))]
  }
}
