import GraphIR
import GraphRewriting
import Tensors

/// Functions of one element.
struct UnaryRule: RaisingRule {
  let types = ["Neg", "Exp", "Softplus", "Log", "Sqrt", "Reciprocal", "Erf", "Abs", "Relu", "Gelu"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let view = try raiser.view(site.input(0)) else { return .notApplicable }
    if site.call.type == "Gelu" {
      guard site.call.string("approximate") ?? "none" == "none" else {
        throw Mismatch("the tanh form of GELU is another function")
      }
      return .raised([view.showing(try raiser.addOne(ElementwiseUnary(.gelu), [view.map]))])
    }
    return .one(try raiser.unary(site.call.type, view.map).map { view.showing($0) })
  }
}

/// Functions of two elements, of which one may be a constant.
struct BinaryRule: RaisingRule {
  let types = ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Greater", "GreaterOrEqual", "Sum", "PRelu"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard site.inputs.count == 2, let a = site.inputs[0], let b = site.inputs[1] else { return .notApplicable }
    switch (try raiser.view(a), try raiser.view(b)) {
    case (let x?, let y?): return try maps(site, x, y, &raiser)
    case (let x?, nil):
      guard let constant = try raiser.constantOperand(b, for: x) else { return .notApplicable }
      return .one(try withConstant(site.call.type, x, constant, isFirst: false, &raiser).map { x.showing($0) })
    case (nil, let y?):
      guard let constant = try raiser.constantOperand(a, for: y) else { return .notApplicable }
      return .one(try withConstant(site.call.type, y, constant, isFirst: true, &raiser).map { y.showing($0) })
    default: return .notApplicable
    }
  }

  private func maps(_ site: RaisingSite, _ x: MapView, _ y: MapView, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let (result, x, y) = raiser.aligned(x, y) else { return .notApplicable }
    func negated() throws -> ValueID { try raiser.affine(y, AffineChange(scale: [-1], shift: [0])) }
    let value: ValueID
    switch site.call.type {
    case "Add", "Sum": value = try raiser.sum(x, y)
    case "Sub": value = try raiser.sum(x, negated())
    case "Mul": value = try raiser.product(x, y)
    case "Div": value = try raiser.product(x, raiser.reciprocal(y))
    default: return .notApplicable
    }
    return .raised([result.showing(value)])
  }

  private func withConstant(
    _ type: String, _ x: MapView, _ constant: RaisedConstant, isFirst: Bool, _ raiser: inout Raiser
  ) throws -> ValueID? {
    let values: [Double]
    switch constant {
    case .scalar(let value): values = [value]
    case .channels(let all): values = all
    case .map(let tensor): return try withMap(type, x.map, tensor, isFirst, &raiser)
    }
    func affine(_ scale: [Double], _ shift: [Double]) throws -> ValueID {
      try raiser.affine(x.map, AffineChange(scale: scale, shift: shift))
    }
    switch (type, isFirst) {
    case ("Add", _), ("Sum", _): return try affine([1], values)
    case ("Mul", _): return try affine(values, [0])
    case ("Sub", false): return try affine([1], values.map { -$0 })
    case ("Sub", true): return try affine([-1], values)
    case ("Div", false): return values.contains(0) ? nil : try affine(values.map { 1 / $0 }, [0])
    case ("Div", true):
      return try raiser.affine(raiser.reciprocal(x.map), AffineChange(scale: values, shift: [0]))
    case ("Pow", false): return values.count == 1 ? try raiser.power(x.map, values[0]) : nil
    case ("Max", _): return values == [0] ? try raiser.unary("Relu", x.map) : nil
    case ("Greater", false), ("GreaterOrEqual", false):
      return values.count == 1 ? try raiser.addOne(RaisedOperator(.exceeds(values[0])), [x.map]) : nil
    default: return nil
    }
  }

  /// A constant that differs from pixel to pixel: only what windows need.
  private func withMap(
    _ type: String, _ x: ValueID, _ tensor: Tensor, _ isFirst: Bool, _ raiser: inout Raiser
  ) throws -> ValueID? {
    guard !isFirst, type == "Div" || type == "Mul", tensor.shape[1] == 1 else { return nil }
    let factor = type == "Div" ? try tensor.mapped { 1 / $0 } : tensor
    return try raiser.addOne(RaisedOperator(.binary("Mul")), [x, raiser.edit.constant("cover", factor)])
  }
}

/// PyTorch's softplus is the identity above a threshold.
struct WhereRule: RaisingRule {
  let types = ["Where"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let condition = try raiser.view(site.input(0)), let then = try raiser.view(site.input(1)),
      let otherwise = try raiser.view(site.input(2)), condition.axes == then.axes, then.axes == otherwise.axes,
      let value = try raiser.thresholdedSoftplus(condition.map, then.map, otherwise.map)
    else { return .notApplicable }
    return .raised([otherwise.showing(value)])
  }
}

extension Raiser {
  func constantOperand(_ value: ValueID, for view: MapView) throws -> RaisedConstant? {
    guard let tensor = source.constant(value) else { return nil }
    return try constant(tensor, for: view)
  }

  /// Two maps that are combined element by element, and the larger of the two views. Nil when they lie differently.
  func aligned(_ x: MapView, _ y: MapView) -> (view: MapView, x: ValueID, y: ValueID)? {
    let rank = max(x.axes.count, y.axes.count)
    func padded(_ view: MapView) -> [[AxisDigit]] {
      [[AxisDigit]](repeating: [], count: rank - view.axes.count) + view.axes
    }
    let (a, b) = (padded(x), padded(y))
    // One of the two may have a single channel, and nothing else may be spread out.
    func covers(_ wide: [[AxisDigit]], _ narrow: [[AxisDigit]]) -> Bool {
      zip(wide, narrow).allSatisfy { w, n in w == n || (n.isEmpty && w.allSatisfy { $0.axis == .channel }) }
    }
    if covers(a, b) { return (MapView(map: x.map, axes: a), x.map, y.map) }
    if covers(b, a) { return (MapView(map: y.map, axes: b), x.map, y.map) }
    return nil
  }
}
