import Foundation
import GraphIR
import PrimitiveOperators
import Tensors

/// A value that is linear in the elements of each 8×8 patch of a map, channel by channel and patch by patch.
///
/// What the primitives in between do to a patch is found by doing it to all 64 patches that have a single one: they
/// stand side by side along the grid of patches, or one run after the other where there is no grid. As the operators are
/// linear and touch no axis of the grid, that is a proof and not a sample.
struct PatchMap: Sendable {
  /// What runs along an axis of the tensor.
  enum Axis: Sendable, Hashable {
    /// Digits of channels or of the grid of patches.
    case outer([AxisDigit])
    /// Something inside a patch, or of its spectrum.
    case inner(Int)
  }

  static let side = 8
  static let area = 64

  /// The map whose patches these are.
  var map: ValueID
  var axes: [Axis]
  /// The images of the 64 basis patches, in the order of the runs.
  var samples: [Tensor]
  /// Whether anything but a change of layout has happened.
  var isChanged = false

  /// The patches themselves; nil unless the view has the inside of the patches on axes of their own.
  init?(_ view: MapView, channels: Int) throws {
    var axes: [Axis] = []
    for digits in view.axes {
      let inside = digits.filter(Self.isInside)
      if digits.isEmpty {
        axes.append(.inner(1))
      } else if inside.isEmpty {
        guard digits.allSatisfy({ $0.axis == .channel || $0.stride == Dimension(Self.side) }) else { return nil }
        axes.append(.outer(digits))
      } else {
        guard inside == digits else { return nil }
        axes.append(.inner(inside.count == 2 ? Self.area : Self.side))
      }
    }
    let inside = view.axes.flatMap { $0 }.filter(Self.isInside)
    guard inside.map(\.axis) == [.row, .column] else { return nil }
    map = view.map
    self.axes = axes
    samples = try Self.basis(axes, channels: channels)
  }

  private static func isInside(_ digit: AxisDigit) -> Bool {
    digit.axis != .channel && digit.stride == 1 && digit.size == Dimension(side) && !digit.isReversed
  }

  /// The axis of the grid that holds the 64 patches of a sample.
  static func carrier(_ axes: [Axis]) -> AxisDigit? {
    let digits = axes.flatMap { axis in if case .outer(let digits) = axis { digits } else { [AxisDigit]() } }
    return digits.first { $0.axis != .channel }
  }

  /// The length of an axis in a sample.
  static func sampleLength(_ axis: Axis, carrier: AxisDigit?, channels: Int) -> Int {
    switch axis {
    case .inner(let count): count
    case .outer(let digits):
      digits.reduce(1) { $0 * ($1.axis == .channel ? $1.size.known ?? channels : $1 == carrier ? area : 1) }
    }
  }

  private static func basis(_ axes: [Axis], channels: Int) throws -> [Tensor] {
    let carrier = carrier(axes)
    let shape = axes.map { sampleLength($0, carrier: carrier, channels: channels) }
    return try (0..<(carrier == nil ? area : 1)).map { run in
      var values = [Float](repeating: 0, count: try Checked.product(shape))
      for index in values.indices {
        let (patch, inside) = place(index, axes, shape, carrier, run)
        if patch == inside { values[index] = 1 }
      }
      return try Tensor(shape: shape, floats: values)
    }
  }

  /// Which basis patch an element of a sample belongs to, and its place among what is inside.
  static func place(
    _ index: Int, _ axes: [Axis], _ shape: [Int], _ carrier: AxisDigit?, _ run: Int
  ) -> (patch: Int, inside: Int) {
    var rest = index
    var (patch, inside, scale) = (run, 0, 1)
    for k in shape.indices.reversed() {
      let at = rest % shape[k]
      rest /= shape[k]
      switch axes[k] {
      case .inner(let count):
        inside += at * scale
        scale *= count
      case .outer(let digits):
        var digitRest = at
        for digit in digits.reversed() {
          let length = digit.axis == .channel ? digit.size.known ?? 1 : digit == carrier ? area : 1
          if digit == carrier { patch = digitRest % length }
          digitRest /= length
        }
      }
    }
    return (patch, inside)
  }
}
