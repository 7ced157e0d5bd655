import GraphIR
import Tensors

/// A constant operand in the terms of the map that the other operand shows.
enum RaisedConstant {
  case scalar(Double)
  case channels([Double])
  /// (1, C, H, W) with C, H, W those of the map or 1.
  case map(Tensor)
}

extension Raiser {
  /// What a constant is to a map that `view` shows, when the two are combined element by element. Nil when it would make
  /// the tensor larger.
  func constant(_ tensor: Tensor, for view: MapView) throws -> RaisedConstant? {
    let rank = view.axes.count
    guard tensor.shape.count <= rank, tensor.dtype.isFloatingPoint || tensor.elementCount == 1 else { return nil }
    let shape = [Int](repeating: 1, count: rank - tensor.shape.count) + tensor.shape
    let long = shape.indices.filter { shape[$0] != 1 }
    for axis in long {
      guard try Dimension.product(view.axes[axis].map(\.size)).known == shape[axis] else { return nil }
    }
    let values = tensor.doubles()
    if let first = values.first, values.allSatisfy({ $0 == first }) { return .scalar(first) }
    let digits = long.flatMap { view.axes[$0] }
    if digits.allSatisfy({ $0.axis == .channel }) {
      let channels = type(view.map).shape[1]
      guard MapView(map: view.map, axes: [digits]).axes[0] == [AxisDigit(axis: .channel, size: channels)] else {
        return nil
      }
      return .channels(values)
    }
    return try spread(values, digits, view)
  }

  /// A constant that differs from pixel to pixel, in the order of the map.
  private func spread(_ values: [Double], _ digits: [AxisDigit], _ view: MapView) throws -> RaisedConstant? {
    let full = type(view.map).shape.map(\.known)
    var sizes = [1, 1, 1]
    for digit in digits {
      guard let size = full[digit.axis.rawValue + 1] else { return nil }
      sizes[digit.axis.rawValue] = size
    }
    guard sizes.reduce(1, *) == values.count else { return nil }
    var out = [Float](repeating: 0, count: values.count)
    let counts = digits.compactMap(\.size.known)
    let strides = digits.compactMap(\.stride.known)
    guard counts.count == digits.count, strides.count == digits.count else { return nil }
    for (index, value) in values.enumerated() {
      var (rest, place) = (index, [0, 0, 0])
      for k in counts.indices.reversed() {
        let digit = rest % counts[k]
        rest /= counts[k]
        place[digits[k].axis.rawValue] += strides[k] * (digits[k].isReversed ? counts[k] - 1 - digit : digit)
      }
      out[(place[0] * sizes[1] + place[1]) * sizes[2] + place[2]] = Float(value)
    }
    return .map(try Tensor(shape: [1] + sizes, floats: out))
  }
}
