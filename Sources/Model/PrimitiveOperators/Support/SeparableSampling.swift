import Tensors

/// Along one axis, for each position of the result, the places of the input that it is made of.
package struct AxisSampling: Sendable {
  /// The places of position i are those from `starts[i]` to before `starts[i + 1]`. None: the fill value.
  package private(set) var starts: [Int32] = [0]
  package private(set) var places: [Int32] = []
  package private(set) var weights: [Float] = []

  package init() {}

  package var count: Int { starts.count - 1 }

  /// Appends the places of the next position.
  package mutating func append(_ taps: some Sequence<(place: Int, weight: Double)>) {
    for (place, weight) in taps {
      places.append(Int32(truncatingIfNeeded: place))
      weights.append(Float(weight))
    }
    starts.append(Int32(truncatingIfNeeded: places.count))
  }
}

/// A result that is made axis by axis: along the last two axes each position is a sum, or the largest, of a few places of
/// the input.
package struct SeparableSampling: Sendable {
  package enum Combination: Sendable {
    /// The one place as it is.
    case copy
    case weightedSum, maximum
  }

  /// For the last two axes; nil where positions are the input's own.
  package var rows, columns: AxisSampling?
  package var combination: Combination
  /// Where an axis has no place.
  package var fill: Float

  package init(rows: AxisSampling?, columns: AxisSampling?, combination: Combination, fill: Float = 0) {
    self.rows = rows
    self.columns = columns
    self.combination = combination
    self.fill = fill
  }
}

/// An operator whose result may be made axis by axis: Resize, Pad, poolings.
package protocol SeparablySampled: PrimitiveOperator {
  /// How the result comes of an input of `shape`; nil where it is not of that kind.
  ///
  /// Throws `graph.value` when the operator is not defined on such an input, and `limit.exceeded` when its window has too
  /// many elements.
  ///
  /// - Parameter inputs: nil for what is not known, the first input among them.
  func sampling(_ shape: [Int], _ inputs: [Tensor?]) throws -> SeparableSampling?
}

/// A function of single numbers.
package protocol PointwiseFunction: PrimitiveOperator {
  /// The function in double precision; nil when the result is of another element type.
  var pointwise: ((Double) -> Double)? { get }
}

extension Limits {
  /// Places along an axis that a sampling lists.
  static let maxSampledPlaces = 1 << 22
}

extension Resize: SeparablySampled {
  package func sampling(_ shape: [Int], _ inputs: [Tensor?]) throws -> SeparableSampling? {
    guard shape.count >= 2, !shape.contains(0), coordinates != "tf_crop_and_resize" else { return nil }
    let plans = try plans(shape, inputs)
    let first = shape.count - 2
    guard plans[..<first].indices.allSatisfy({ plans[$0].size == shape[$0] && plans[$0].scale == 1 }),
      !plans.contains(where: { $0.size == 0 })
    else { return nil }
    let axes = try (first..<shape.count).map { axis -> AxisSampling? in
      let plan = plans[axis]
      if plan.size == shape[axis], plan.scale == 1 { return nil }
      guard try Checked.multiply(plan.size, reach(shape[axis], plan.scale)) <= Limits.maxSampledPlaces else {
        throw valueError("Resize has too many places.")
      }
      var sampling = AxisSampling()
      for x in 0..<plan.size {
        let taps = taps(x, size: shape[axis], scale: plan.scale, target: plan.size, region: nil)
        sampling.append(zip(taps.places, taps.weights).map { (place: $0, weight: $1) })
      }
      return sampling
    }
    return SeparableSampling(rows: axes[0], columns: axes[1], combination: mode == .nearest ? .copy : .weightedSum)
  }

  /// At most so many places make one position.
  private func reach(_ size: Int, _ scale: Double) -> Int {
    antialias && scale < 1 ? Int(min(4 / scale + 4, Double(Limits.maxSampledPlaces)).saturatedInteger) : 4
  }
}

extension Pad: SeparablySampled {
  package func sampling(_ shape: [Int], _ inputs: [Tensor?]) throws -> SeparableSampling? {
    guard shape.count >= 2, !shape.contains(0), fixedPads != nil || inputs.optional(1) != nil else { return nil }
    let (front, back) = try pads(inputs, rank: shape.count)
    let first = shape.count - 2
    let target = shape.indices.map { shape[$0] + front[$0] + back[$0] }
    guard (0..<first).allSatisfy({ front[$0] == 0 && back[$0] == 0 }),
      target.allSatisfy({ $0 > 0 && $0 <= Limits.maxSampledPlaces })
    else { return nil }
    let axes = try (first..<shape.count).map { axis -> AxisSampling? in
      if front[axis] == 0, back[axis] == 0 { return nil }
      var sampling = AxisSampling()
      for position in 0..<target[axis] {
        let source = try Self.source(position - front[axis], shape[axis], mode)
        sampling.append(source < 0 ? [] : [(place: source, weight: 1)])
      }
      return sampling
    }
    return SeparableSampling(
      rows: axes[0], columns: axes[1], combination: .copy,
      fill: Float(inputs.optional(2)?.doubles().first ?? fixedValue))
  }
}

extension Pooling: SeparablySampled {
  package func sampling(_ shape: [Int], _ inputs: [Tensor?]) throws -> SeparableSampling? {
    guard shape.count == 3 || shape.count == 4, !shape.contains(0), outputCount == 1, function != .norm else {
      return nil
    }
    var all: [AxisSampling?] = shape.count == 3 ? [nil] : []
    for (axis, size) in zip(try window.axes(rank: shape.count - 2), shape[2...]) {
      guard let sampling = try sampling(axis, size) else { return nil }
      all.append(sampling)
    }
    return SeparableSampling(
      rows: all[0], columns: all[1], combination: function == .maximum ? .maximum : .weightedSum, fill: -.infinity)
  }

  /// The windows along an axis; nil when one has no element, or there are too many.
  private func sampling(_ axis: SlidingWindow.Axis, _ size: Int) throws -> AxisSampling? {
    let (count, front) = try window.windows(axis, size)
    guard try Checked.multiply(count, axis.kernel) <= Limits.maxSampledPlaces else { return nil }
    let back = try window.back(axis, size)
    var sampling = AxisSampling()
    for position in 0..<count {
      let places = (0..<axis.kernel).map { position * axis.stride - front + $0 * axis.dilation }
      let inside = places.filter { $0 >= 0 && $0 < size }
      if inside.isEmpty { return nil }
      let divisor = countsPadding ? places.count { $0 < size + back } : inside.count
      sampling.append(inside.map { (place: $0, weight: 1 / Double(divisor)) })
    }
    return sampling
  }
}
