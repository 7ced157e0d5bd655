import GraphIR
import PrimitiveOperators
import Tensors

/// Scatters that only write a whole tensor, or a rectangle of a map: how exporters write `total[…] += part`.
struct ScatterRule: RaisingRule {
  let types = ["ScatterElements", "ScatterND"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard site.call.string("reduction") ?? "none" == "none", let base = site.input(0), let updates = site.input(2),
      let indices = raiser.constant(site.input(1)), let view = raiser.maps.views[updates]
    else { return .notApplicable }
    if try isWhole(site, indices, raiser.shape(base), raiser.shape(updates)) { return .raised([view]) }
    guard site.call.type == "ScatterND", let rectangle = ScatteredRectangle(indices, raiser.shape(base)) else {
      return .notApplicable
    }
    return .one(try raiser.overwritten(base, updates, rectangle, raiser.shape(base)))
  }

  /// Whether every element of the result comes from `updates`, in order.
  private func isWhole(
    _ site: RaisingSite, _ indices: Tensor, _ base: [Dimension], _ updates: [Dimension]
  ) throws -> Bool {
    guard base == updates else {
      return site.call.type == "ScatterND" && ScatteredRectangle(indices, base)?.isWhole(base) == true
    }
    guard site.call.type == "ScatterElements" else { return false }
    var axis = site.call.integer("axis") ?? 0
    if axis < 0 { axis += base.count }
    let shape = indices.shape
    guard shape.map({ Dimension($0) }) == base, shape.indices.contains(axis) else { return false }
    let stride = shape[(axis + 1)...].reduce(1, *)
    return indices.doubles().enumerated().allSatisfy { Int($1) == $0 / stride % shape[axis] }
  }
}

/// The rectangle of a tensor that a ScatterND with constant indices writes in row-major order.
struct ScatteredRectangle {
  /// First position and length along each indexed axis.
  var starts: [Int]
  var lengths: [Int]

  /// Nil when the indices are not those of one rectangle in order.
  init?(_ indices: Tensor, _ base: [Dimension]) {
    guard let depth = indices.shape.last, depth > 0, depth <= base.count else { return nil }
    let values = indices.doubles().map { Int($0) }
    let count = values.count / depth
    guard count > 0 else { return nil }
    let sizes = base.prefix(depth).map { $0.known ?? 0 }
    func at(_ row: Int, _ axis: Int) -> Int {
      let value = values[row * depth + axis]
      return value < 0 ? value + sizes[axis] : value
    }
    starts = (0..<depth).map { at(0, $0) }
    lengths = (0..<depth).map { at(count - 1, $0) - at(0, $0) + 1 }
    guard lengths.allSatisfy({ $0 > 0 }), lengths.reduce(1, *) == count else { return nil }
    for row in 0..<count {
      var rest = row
      for axis in (0..<depth).reversed() {
        guard at(row, axis) == starts[axis] + rest % lengths[axis] else { return nil }
        rest /= lengths[axis]
      }
    }
  }

  func isWhole(_ base: [Dimension]) -> Bool {
    zip(lengths, base).allSatisfy { $0 == $1.known } && starts.allSatisfy { $0 == 0 }
  }
}

/// What windows write into: sums and counts that begin with constants.
extension Raiser {
  /// The rectangle of `base` that `updates` takes the place of. Nil when the tensors do not show their maps alike.
  mutating func overwritten(
    _ base: ValueID, _ updates: ValueID, _ rectangle: ScatteredRectangle, _ shape: [Dimension]
  ) throws -> MapView? {
    // As the maps lie, whichever way round; else upright.
    if let view = maps.views[updates], let made = try overwritten(base, maps.views[base], view, rectangle, shape) {
      return made
    }
    guard let view = try view(updates) else { return nil }
    return try overwritten(base, self.view(base), view, rectangle, shape)
  }

  private mutating func overwritten(
    _ base: ValueID, _ old: MapView?, _ new: MapView, _ rectangle: ScatteredRectangle, _ shape: [Dimension]
  ) throws -> MapView? {
    guard let order = order(new), order.count == shape.count else { return nil }
    var size: [Dimension] = [1, 1, 1]
    var starts = [0, 0, 0]
    for (index, axis) in order.enumerated() {
      let start = index < rectangle.starts.count ? rectangle.starts[index] : 0
      guard let axis else {
        guard shape[index] == 1, start == 0 else { return nil }
        continue
      }
      (size[axis.rawValue], starts[axis.rawValue]) = (shape[index], start)
    }
    guard starts[MapAxis.channel.rawValue] == 0, size[MapAxis.channel.rawValue] == type(new.map).shape[1],
      let map = try mapOrFilled(base, old, order, ValueType(.float32, [1] + size))
    else { return nil }
    let result = try overwritten(map, new.map, top: Dimension(starts[1]), left: Dimension(starts[2]))
    return MapView(
      map: result,
      axes: zip(order, shape).map { axis, size in axis.map { [AxisDigit(axis: $0, size: size)] } ?? [] })
  }

  /// The map's axis along each axis of a tensor that shows it whole and forwards; nil for any other view.
  private func order(_ view: MapView) -> [MapAxis?]? {
    let size = type(view.map).shape
    var order: [MapAxis?] = []
    for digits in view.axes {
      guard let digit = digits.first else {
        order.append(nil)
        continue
      }
      guard digits == [AxisDigit(axis: digit.axis, size: size[digit.axis.rawValue + 1])] else { return nil }
      order.append(digit.axis)
    }
    return order
  }

  /// A map that lies in an order, or a constant that is the same everywhere.
  private mutating func mapOrFilled(_ value: ValueID, _ view: MapView?, _ order: [MapAxis?], _ type: ValueType) throws
    -> ValueID?
  {
    if let view { return self.order(view) == order && self.type(view.map) == type ? view.map : nil }
    guard let tensor = source.constant(value), let first = tensor.doubles().first,
      tensor.doubles().allSatisfy({ $0 == first })
    else { return nil }
    return try addOne(RaisedOperator(.filled(first, type)), [])
  }

  /// A map with a part replaced. Where the part is what was there with a smaller part replaced, only that is; where it is what
  /// was there, nothing is.
  private mutating func overwritten(
    _ map: ValueID, _ part: ValueID, top: Dimension, left: Dimension
  ) throws -> ValueID {
    var (part, top, left) = (part, top, left)
    while let made = producer(part), case .overwritten(let t, let l)? = (made.op as? RaisedOperator)?.kind,
      try isPart(made.inputs[0], of: map, top, left)
    { (part, top, left) = (made.inputs[1], try top.plus(t), try left.plus(l)) }
    if try isPart(part, of: map, top, left) { return map }
    return try addOne(RaisedOperator(.overwritten(top: top, left: left)), [map, part])
  }

  /// Whether a map is what another one has at a place.
  private func isPart(_ part: ValueID, of map: ValueID, _ top: Dimension, _ left: Dimension) throws -> Bool {
    guard let made = producer(part), let kind = (made.op as? RaisedOperator)?.kind else { return false }
    let outer = producer(map)
    let outerKind = (outer?.op as? RaisedOperator)?.kind
    switch (kind, outerKind) {
    case (.part(let t, let l, _, _), _) where made.inputs[0] == map: return t == top && l == left
    case (.part(let t, let l, _, _), .part(let mapTop, let mapLeft, _, _)?) where made.inputs[0] == outer?.inputs[0]:
      return try t == mapTop.plus(top) && l == mapLeft.plus(left)
    case (.filled(let value, _), .filled(let around, _)?): return value == around
    default: return false
    }
  }
}

/// Parts put together again along an axis.
struct ConcatRule: RaisingRule {
  let types = ["Concat"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let first = try raiser.view(site.input(0)) else { return .notApplicable }
    if site.inputs.count == 1 { return .raised([first]) }
    return .notApplicable
  }
}
