import GraphIR
import GraphRewriting
import Tensors

/// Operators that only lay the elements out in another way.
struct LayoutRule: RaisingRule {
  let types = ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast", "Expand", "Dropout"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let input = site.input(0), let view = raiser.maps.views[input] else { return .notApplicable }
    let from = raiser.source[input].type
    let to = raiser.source[site.node.outputs[0]].type
    switch site.call.type {
    case "Transpose":
      let permutation = site.call.integers("perm") ?? Array(view.axes.indices.reversed())
      return .one(view.transposed(permutation))
    case "Cast":
      guard from.dtype == to.dtype else {
        throw Mismatch("a map is cast to \(to.dtype.rawValue); only networks in float32 are recognised")
      }
      return .raised([view])
    case "Expand", "Identity", "Dropout":
      guard let same = try view.reshaped(to: to.shape), try isSameCount(from, to) else { return .notApplicable }
      return .raised([same])
    default: return .one(try view.reshaped(to: to.shape))
    }
  }

  private func isSameCount(_ a: ValueType, _ b: ValueType) throws -> Bool {
    try Dimension.product(a.shape) == Dimension.product(b.shape)
  }
}

/// One element of an axis of size 1, or an axis read backwards.
struct GatherRule: RaisingRule {
  let types = ["Gather", "GatherND"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let input = site.input(0), let view = raiser.maps.views[input], var index = raiser.constant(site.input(1))
    else {
      return .notApplicable
    }
    let rank = view.axes.count
    var axis = site.call.integer("axis") ?? 0
    if site.call.type == "GatherND" {
      // One number a place: the first axis is gathered.
      guard site.call.integer("batch_dims") ?? 0 == 0, index.shape.count == 2, index.shape[1] == 1 else {
        return .notApplicable
      }
      index = try Tensor(
        dtype: index.dtype, shape: [index.shape[0]], storage: index.storage, byteOffset: index.byteOffset)
    }
    if axis < 0 { axis += rank }
    guard view.axes.indices.contains(axis) else { return .notApplicable }
    let positions = index.doubles()
    if view.axes[axis].isEmpty, positions.count == 1 {
      if index.shape.isEmpty { return .one(view.dropping(axis: axis)) }
      return index.shape.count == 1 ? .raised([view]) : .notApplicable
    }
    guard index.shape.count == 1, let size = raiser.shape(input)[axis].known, positions.count > 0 else {
      return .notApplicable
    }
    if positions == (0..<size).map({ Double(size - 1 - $0) }) { return .raised([view.reversed(axis: axis)]) }
    let first = Int(positions[0])
    guard first >= 0, positions == positions.indices.map({ Double(first + $0) }) else { return .notApplicable }
    return .one(try raiser.channelPart(input, axis: axis, first: first, count: positions.count))
  }
}

/// Parts of channels, parts of maps, and axes read backwards.
struct SliceRule: RaisingRule {
  let types = ["Slice"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let input = site.input(0), var view = raiser.maps.views[input], let starts = raiser.sizes(site.input(1)),
      let ends = raiser.sizes(site.input(2))
    else { return .notApplicable }
    let rank = view.axes.count
    let axes = (site.input(3).flatMap { raiser.ints($0) } ?? Array(0..<rank)).map { $0 < 0 ? $0 + rank : $0 }
    let steps = site.input(4).flatMap { raiser.ints($0) } ?? [Int](repeating: 1, count: axes.count)
    guard axes.count == starts.count, axes.count == ends.count, axes.count == steps.count else { return .notApplicable }
    let to = raiser.shape(site.node.outputs[0])
    let from = raiser.shape(input)
    var cut: [(axis: Int, start: Dimension)] = []
    for (index, axis) in axes.enumerated() {
      guard (0..<rank).contains(axis) else { return .notApplicable }
      if steps[index] == -1, to[axis] == from[axis] {
        view = view.reversed(axis: axis)
      } else if steps[index] == 1 {
        if to[axis] != from[axis] { cut.append((axis, try start(starts[index], from[axis]))) }
      } else {
        return .notApplicable
      }
    }
    if cut.isEmpty { return .raised([view]) }
    if cut.count == 1, let first = cut[0].start.known, let count = to[cut[0].axis].known,
      view == raiser.maps.views[input],
      let part = try raiser.channelPart(input, axis: cut[0].axis, first: first, count: count)
    {
      return .raised([part])
    }
    return .one(try raiser.spatialPart(view, cut, to))
  }

  /// Negative starts count from the end.
  private func start(_ start: Dimension, _ size: Dimension) throws -> Dimension {
    guard let known = start.known else { return start }
    if known >= 0 { return start }
    return known < -(1 << 40) ? 0 : try size.plus(start)
  }
}

/// Channels dealt out to several tensors.
struct SplitRule: RaisingRule {
  let types = ["Split"]

  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome {
    guard let view = try raiser.view(site.input(0)) else { return .notApplicable }
    var axis = site.call.integer("axis") ?? 0
    if axis < 0 { axis += view.axes.count }
    guard let channels = raiser.channels(view.map), view.channelAxis(Dimension(channels)) == axis else {
      return .notApplicable
    }
    let sizes = site.node.outputs.compactMap { raiser.shape($0)[axis].known }
    guard sizes.count == site.node.outputs.count, sizes.reduce(0, +) == channels else { return .notApplicable }
    let parts = try raiser.add(Split(sizes), [view.map])
    return .raised(parts.enumerated().map { view.withChannels($1, axis, sizes[$0]) })
  }
}

extension MapView {
  /// The view of a map that differs in its channels, which lie along `axis`.
  func withChannels(_ map: ValueID, _ axis: Int, _ count: Int) -> MapView {
    var copy = axes
    copy[axis] = count == 1 ? [] : [AxisDigit(axis: .channel, size: Dimension(count))]
    return MapView(map: map, axes: copy)
  }
}

extension Raiser {
  /// Some of the channels of the map that a tensor shows, when they are what a part of one of its axes is.
  mutating func channelPart(_ value: ValueID, axis: Int, first: Int, count: Int) throws -> MapView? {
    guard let view = try view(value), let channels = channels(view.map),
      view.channelAxis(Dimension(channels)) == axis, first >= 0, count > 0, first + count <= channels
    else { return nil }
    let part = try addOne(RaisedOperator(.channels(first: first, count: count)), [view.map])
    return view.withChannels(part, axis, count)
  }

  /// A rectangle of the map that a tensor shows.
  mutating func spatialPart(
    _ view: MapView, _ cut: [(axis: Int, start: Dimension)], _ shape: [Dimension]
  ) throws -> MapView? {
    guard let view = try upright(view) else { return nil }
    let size = type(view.map).shape
    var (top, left, height, width): (Dimension, Dimension, Dimension, Dimension) = (0, 0, size[2], size[3])
    var axes = view.axes
    for (axis, start) in cut {
      if view.axes[axis] == [AxisDigit(axis: .row, size: size[2])] {
        (top, height) = (start, shape[axis])
        axes[axis] = [AxisDigit(axis: .row, size: height)]
      } else if view.axes[axis] == [AxisDigit(axis: .column, size: size[3])] {
        (left, width) = (start, shape[axis])
        axes[axis] = [AxisDigit(axis: .column, size: width)]
      } else {
        return nil
      }
    }
    let part = try cutOut(view.map, top, left, height, width)
    return MapView(map: part, axes: axes)
  }

  /// A part of a map. A part of a part is one part; one at the corner of what a filter gave is the crop that undoes its
  /// padding.
  private mutating func cutOut(
    _ map: ValueID, _ top: Dimension, _ left: Dimension, _ height: Dimension, _ width: Dimension
  ) throws -> ValueID {
    if let made = producer(map), case .part(let t, let l, _, _)? = (made.op as? RaisedOperator)?.kind {
      return try cutOut(made.inputs[0], t.plus(top), l.plus(left), height, width)
    }
    if top == 0, left == 0 {
      if let made = producer(map), let crop = made.op as? Crop, crop.keeping == .start {
        return try cutOut(made.inputs[0], 0, 0, height, width)
      }
      if producer(map)?.op is SpectralFilter { return try addOne(Crop(height: height, width: width), [map]) }
    }
    return try addOne(RaisedOperator(.part(top: top, left: left, height: height, width: width)), [map])
  }
}
