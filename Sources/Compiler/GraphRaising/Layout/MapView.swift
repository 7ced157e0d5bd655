import GraphIR
import Tensors

/// An axis of a map (1, C, H, W).
enum MapAxis: Int, Sendable, Hashable { case channel, row, column }

/// A digit of the position along an axis of a map: the position is the sum of its digits times their strides.
struct AxisDigit: Sendable, Hashable {
  var axis: MapAxis
  var size: Dimension
  var stride: Dimension = 1
  /// The digit counts down.
  var isReversed = false
}

/// How a tensor shows a map: every element of the map once, in an order that digits along the tensor's axes tell.
///
/// Reshape, Transpose and their kin change the view and not the map, so what they do in between is seen through.
struct MapView: Sendable, Hashable {
  var map: ValueID
  /// The digits along each axis of the tensor, the slowest first; none for an axis of size 1.
  var axes: [[AxisDigit]]

  /// A map as it is.
  init(_ map: ValueID, _ type: ValueType) {
    self.map = map
    axes =
      [[]]
      + zip([MapAxis.channel, .row, .column], type.shape.dropFirst()).map { axis, size in
        size == 1 ? [] : [AxisDigit(axis: axis, size: size)]
      }
  }

  init(map: ValueID, axes: [[AxisDigit]]) {
    self.map = map
    self.axes = axes.map(Self.merged)
  }

  /// The same places of another map of the same size.
  func showing(_ map: ValueID) -> MapView { MapView(map: map, axes: axes) }

  /// Neighbouring digits that together count one longer run become one.
  private static func merged(_ digits: [AxisDigit]) -> [AxisDigit] {
    var out: [AxisDigit] = []
    for digit in digits where digit.size != 1 {
      if let last = out.last, last.axis == digit.axis, last.isReversed == digit.isReversed,
        (try? digit.stride.times(digit.size)) == last.stride, let size = try? last.size.times(digit.size)
      {
        out[out.count - 1] = AxisDigit(
          axis: digit.axis, size: size, stride: digit.stride, isReversed: digit.isReversed)
      } else {
        out.append(digit)
      }
    }
    return out
  }
}

// MARK: - Changes of the view

extension MapView {
  /// The view in the row-major order of another shape; nil when an axis would hold a part of a digit that cannot be cut.
  func reshaped(to shape: [Dimension]) throws -> MapView? {
    var rest = axes.flatMap { $0 }[...]
    var out: [[AxisDigit]] = []
    for size in shape {
      var need = size
      var taken: [AxisDigit] = []
      while need != 1 {
        guard let digit = rest.first else { return nil }
        if let left = try need.dividedExactly(by: digit.size) {
          taken.append(rest.removeFirst())
          need = left
        } else if let inner = try digit.size.dividedExactly(by: need) {
          var (slow, fast) = (digit, digit)
          slow.size = need
          slow.stride = try digit.stride.times(inner)
          fast.size = inner
          taken.append(slow)
          rest[rest.startIndex] = fast
          need = 1
        } else {
          return nil
        }
      }
      out.append(taken)
    }
    return rest.isEmpty ? MapView(map: map, axes: out) : nil
  }

  func transposed(_ permutation: [Int]) -> MapView? {
    guard permutation.sorted() == Array(axes.indices) else { return nil }
    return MapView(map: map, axes: permutation.map { axes[$0] })
  }

  /// The view with an axis run through backwards.
  func reversed(axis: Int) -> MapView {
    var copy = axes
    copy[axis] = copy[axis].map {
      var digit = $0
      digit.isReversed.toggle()
      return digit
    }
    return MapView(map: map, axes: copy)
  }

  /// The view without an axis of size 1; nil for another axis.
  func dropping(axis: Int) -> MapView? {
    guard axes.indices.contains(axis), axes[axis].isEmpty else { return nil }
    var copy = axes
    copy.remove(at: axis)
    return MapView(map: map, axes: copy)
  }
}

// MARK: - What a view shows

extension MapView {
  /// The frame in which the tensor shows the map: its rows first and counting up. Nil when it shows no frame.
  var frame: Frame? {
    let spatial = axes.flatMap { $0 }.filter { $0.axis != .channel }
    let channels = axes.flatMap { $0 }.filter { $0.axis == .channel }
    guard channels.allSatisfy({ !$0.isReversed }), spatial.allSatisfy({ $0.isReversed == spatial[0].isReversed }) else {
      return nil
    }
    // The fastest digits tell: of a map cut into patches, slower ones may be missing.
    let fastest = spatial.filter { $0.stride == 1 }
    let transposed = fastest.first?.axis == .column && fastest.contains { $0.axis == .row }
    return Frame(transposed: transposed, halfTurned: spatial.first?.isReversed ?? false)
  }

  /// The view of the map that shows this one in `frame`.
  func reframed(_ map: ValueID, by frame: Frame) -> MapView {
    MapView(
      map: map,
      axes: axes.map { digits in
        digits.map { digit in
          guard digit.axis != .channel else { return digit }
          var copy = digit
          if frame.transposed { copy.axis = digit.axis == .row ? .column : .row }
          if frame.halfTurned { copy.isReversed.toggle() }
          return copy
        }
      })
  }

  /// The tensor's axis that runs through all channels and nothing else; nil when there is none.
  func channelAxis(_ channels: Dimension) -> Int? {
    axes.firstIndex(of: [AxisDigit(axis: .channel, size: channels)])
  }

  /// The axes that are longer than 1.
  var longAxes: [Int] { axes.indices.filter { !axes[$0].isEmpty } }
}
