import GraphIR
import PrimitiveOperators
import Tensors

/// Scatters that only write a whole tensor, or a rectangle of a map: how exporters write `total[…] += part`.
struct LiftScatter: LiftingRule {
  let types = ["ScatterElements", "ScatterND"]

  func lift(_ site: LiftingSite, _ lifter: inout Lifter) throws -> [MapView?]? {
    guard site.string("reduction") ?? "none" == "none", let base = site.input(0), let updates = site.input(2),
      let indices = lifter.constant(site.input(1)), let view = lifter.views[updates]
    else { return nil }
    if try isWhole(site, indices, lifter.shape(base), lifter.shape(updates)) { return [view] }
    guard site.call.type == "ScatterND", let rectangle = ScatteredRectangle(indices, lifter.shape(base)) else { return nil }
    return try lifter.overwritten(base, updates, rectangle, lifter.shape(base)).map { [$0] }
  }

  /// Whether every element of the result comes from `updates`, in order.
  private func isWhole(
    _ site: LiftingSite, _ indices: Tensor, _ base: [Dimension], _ updates: [Dimension]
  ) throws -> Bool {
    guard base == updates else {
      return site.call.type == "ScatterND" && ScatteredRectangle(indices, base)?.isWhole(base) == true
    }
    guard site.call.type == "ScatterElements" else { return false }
    var axis = site.int("axis") ?? 0
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

/// Constant maps of one value: the sums and counts that windows begin with.
extension Lifter {
  /// A map, or a constant that is the same everywhere, of a map's shape.
  mutating func mapOrFilled(_ value: ValueID, like shape: [Dimension]) throws -> ValueID? {
    if let map = try plainMap(value) { return map }
    guard let tensor = source.constant(value), let first = tensor.doubles().first,
      tensor.doubles().allSatisfy({ $0 == first }), shape.count == 4, shape[0] == 1
    else { return nil }
    return try addOne(LiftedOperator(.filled(first, ValueType(.float32, shape))), [])
  }

  mutating func overwritten(
    _ base: ValueID, _ updates: ValueID, _ rectangle: ScatteredRectangle, _ shape: [Dimension]
  ) throws -> MapView? {
    guard shape.count == 4, let map = try mapOrFilled(base, like: shape), let part = try plainMap(updates) else { return nil }
    func start(_ axis: Int) -> Int { axis < rectangle.starts.count ? rectangle.starts[axis] : 0 }
    let length = rectangle.lengths
    guard start(0) == 0, start(1) == 0, length.count < 2 || shape[1].known == length[1] else { return nil }
    return try overwritten(map, part, top: Dimension(start(2)), left: Dimension(start(3)))
  }

  mutating func overwritten(_ map: ValueID, _ part: ValueID, top: Dimension, left: Dimension) throws -> MapView {
    let result = try addOne(LiftedOperator(.overwritten(top: top, left: left)), [map, part])
    return MapView(result, type(result))
  }
}

/// Parts put together again along an axis.
struct LiftConcat: LiftingRule {
  let types = ["Concat"]

  func lift(_ site: LiftingSite, _ lifter: inout Lifter) throws -> [MapView?]? {
    guard let first = try lifter.view(site.input(0)) else { return nil }
    if site.inputs.count == 1 { return [first] }
    return nil
  }
}
