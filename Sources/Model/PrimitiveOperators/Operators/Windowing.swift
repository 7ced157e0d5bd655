import Tensors

/// How a window moves over the spatial axes of a map (N, C, …): what convolutions and poolings share.
struct SlidingWindow {
  enum Padding: String { case explicit = "NOTSET", upper = "SAME_UPPER", lower = "SAME_LOWER", none = "VALID" }

  let kernel: [Int]?
  let strides: [Int]?
  let dilations: [Int]?
  let pads: [Int]?
  let padding: Padding
  let roundsUp: Bool

  init(_ attributes: AttributeReader, roundsUp: Bool = false) throws {
    let sizes = 1...Limits.maxWindow
    kernel = try attributes.integers("kernel_shape", in: sizes)
    strides = try attributes.integers("strides", in: sizes)
    dilations = try attributes.integers("dilations", in: sizes)
    pads = try attributes.integers("pads", in: 0...Limits.maxWindow)
    let names = ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]
    padding = Padding(rawValue: try attributes.choice("auto_pad", "NOTSET", of: names)) ?? .explicit
    self.roundsUp = roundsUp
  }

  /// The window for `rank` spatial axes and a kernel of the given sizes. Throws `limit.exceeded` when it has too many elements.
  func axes(rank: Int, kernel given: [Int]? = nil) throws -> [Axis] {
    guard let sizes = kernel ?? given else { throw valueError("A window needs a kernel_shape.") }
    guard rank >= 1, sizes.count == rank, given == nil || given == sizes else {
      throw valueError("A window of \(sizes) does not fit \(given ?? []) on \(rank) axes.")
    }
    guard (strides?.count ?? rank) == rank, (dilations?.count ?? rank) == rank, (pads?.count ?? 2 * rank) == 2 * rank
    else {
      throw valueError("Strides, dilations and pads do not fit \(rank) axes.")
    }
    try Limits.check(
      Checked.product(sizes), atMost: Limits.maxWindowTaps, name: "max_window_taps", "The size of a window")
    return (0..<rank).map { i in
      Axis(
        kernel: sizes[i], stride: strides?[i] ?? 1, dilation: dilations?[i] ?? 1,
        front: padding == .explicit ? pads?[i] ?? 0 : 0, back: padding == .explicit ? pads?[i + rank] ?? 0 : 0)
    }
  }

  struct Axis {
    let kernel, stride, dilation: Int
    let front, back: Int

    /// Elements from the first to the last of a window.
    var extent: Int { (kernel - 1) * dilation + 1 }
  }

  /// The number of windows on an axis, and the pad in front.
  func windows(_ axis: Axis, _ size: Int) throws -> (count: Int, front: Int) {
    switch padding {
    case .explicit, .none:
      let room = size + axis.front + axis.back - axis.extent
      guard room >= 0 else {
        throw valueError(
          "A window of \(axis.extent) does not fit \(size) elements with pads \(axis.front), \(axis.back).")
      }
      guard roundsUp else { return (room / axis.stride + 1, axis.front) }
      var count = room.dividedUp(by: axis.stride) + 1
      // A window that starts in the pad after the end is left out.
      if (count - 1) * axis.stride >= size + axis.front { count -= 1 }
      return (count, axis.front)
    case .upper, .lower:
      let count = size.dividedUp(by: axis.stride)
      let total = max(0, (count - 1) * axis.stride + axis.extent - size)
      return (count, padding == .upper ? total / 2 : (total + 1) / 2)
    }
  }

  /// The pad after an axis: what was asked for, or what its last window needs.
  func back(_ axis: Axis, _ size: Int) throws -> Int {
    if padding == .explicit { return axis.back }
    let (count, front) = try windows(axis, size)
    return max(0, (count - 1) * axis.stride + axis.extent - size - front)
  }

  /// The number of windows on an axis of symbolic size.
  func count(_ axis: Axis, _ size: Dimension) throws -> Dimension {
    if let size = size.known { return Dimension(try windows(axis, size).count) }
    if padding == .upper || padding == .lower { return try size.dividedRoundingUp(by: axis.stride) }
    let room = try size.plus(Dimension(axis.front + axis.back - axis.extent))
    guard roundsUp else { return try room.dividedRoundingDown(by: axis.stride).plus(1) }
    // No window starts in the pad after the end.
    let starts = try size.plus(Dimension(axis.front - 1)).dividedRoundingDown(by: axis.stride).plus(1)
    return try Dimension.minimum([room.dividedRoundingUp(by: axis.stride).plus(1), starts])
  }
}

extension Limits {
  /// Sizes, strides, dilations and pads of a sliding window.
  static let maxWindow = 1 << 24
  /// Elements of one window.
  static let maxWindowTaps = 1 << 20
}

/// Walks over the places of windows: for each output position and each kernel position the input's place.
struct WindowPlaces {
  private let axes: [SlidingWindow.Axis]
  private let sizes, fronts: [Int]
  /// Output positions on each axis.
  let counts: [Int]
  private let strides: [Int]

  init(_ window: SlidingWindow, _ axes: [SlidingWindow.Axis], _ sizes: [Int]) throws {
    let windows = try zip(axes, sizes).map { try window.windows($0, $1) }
    self.axes = axes
    self.sizes = sizes
    counts = windows.map(\.count)
    fronts = windows.map(\.front)
    strides = Shapes.strides(sizes)
    _ = try Checked.product(counts, "The number of windows")
  }

  /// Calls `body` with the index of each output position and, for each kernel position, the offset in the plane or −1.
  func forEach(_ body: (Int, [Int]) throws -> Void) rethrows {
    try Shapes.forEach(counts, []) { index, _ in
      var rest = index
      var at = [Int](repeating: 0, count: counts.count)
      for axis in counts.indices.reversed() {
        at[axis] = rest % counts[axis]
        rest /= counts[axis]
      }
      var offsets = [0]
      for axis in counts.indices {
        let line = positions(axis, at[axis])
        offsets = offsets.flatMap { base in line.map { base < 0 || $0 < 0 ? -1 : base + $0 * strides[axis] } }
      }
      try body(index, offsets)
    }
  }

  /// The input position of every kernel position of window `index` on an axis; −1 in the padding.
  private func positions(_ axis: Int, _ index: Int) -> [Int] {
    let window = axes[axis]
    return (0..<window.kernel).map { tap in
      let at = index * window.stride - fronts[axis] + tap * window.dilation
      return at >= 0 && at < sizes[axis] ? at : -1
    }
  }
}
