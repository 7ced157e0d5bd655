/// One of the four orientations in which a block of the network sees an upright map.
///
/// To enter the frame, a map is transposed if `transposed`, then turned by 180° if `halfTurned`. Both changes are their own
/// inverses and commute. Source: EVSSM (arXiv 2405.14343), the transpose and flip at the head of each block.
public struct Frame: Sendable, Hashable {
  public var transposed: Bool
  public var halfTurned: Bool

  public init(transposed: Bool = false, halfTurned: Bool = false) {
    self.transposed = transposed
    self.halfTurned = halfTurned
  }

  public static let upright = Frame()

  /// The frame that results from entering `self`, then `next`.
  public func then(_ next: Frame) -> Frame {
    Frame(transposed: transposed != next.transposed, halfTurned: halfTurned != next.halfTurned)
  }

  /// Height and width as the frame sees them.
  public func size(height: Int, width: Int) -> (height: Int, width: Int) {
    transposed ? (width, height) : (height, width)
  }

  /// A square kernel of `side` × `side` taps, row-major, moved into the frame. Its own inverse.
  public func apply<Value>(to kernel: [Value], side: Int) -> [Value] {
    var out = kernel
    for i in 0..<side {
      for j in 0..<side {
        let (a, b) = transposed ? (j, i) : (i, j)
        let (y, x) = halfTurned ? (side - 1 - a, side - 1 - b) : (a, b)
        out[i * side + j] = kernel[y * side + x]
      }
    }
    return out
  }
}
