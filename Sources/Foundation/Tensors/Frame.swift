/// One of the four orientations in which the network looks at a map: transposed, half-turned, both, or neither.
///
/// The transpose and the half turn commute and each is its own inverse, so the frames are the group Z₂ × Z₂:
/// composition is "exclusive or", and every frame is its own inverse.
package struct Frame: Sendable, Hashable, CustomStringConvertible {
  /// Height and width are exchanged.
  package var transposed: Bool
  /// Both axes are reversed.
  package var halfTurned: Bool

  package init(transposed: Bool = false, halfTurned: Bool = false) {
    self.transposed = transposed
    self.halfTurned = halfTurned
  }

  package static let upright = Frame()
  package static let all = [
    Frame(), Frame(transposed: true), Frame(halfTurned: true), Frame(transposed: true, halfTurned: true),
  ]

  /// The frame of a map that is brought into `self` and then into `other`.
  package func composed(with other: Frame) -> Frame {
    Frame(transposed: transposed != other.transposed, halfTurned: halfTurned != other.halfTurned)
  }

  /// `upright`, `transposed`, `half-turned` or `transposed+half-turned`.
  package var description: String {
    let parts = (transposed ? ["transposed"] : []) + (halfTurned ? ["half-turned"] : [])
    return parts.isEmpty ? "upright" : parts.joined(separator: "+")
  }

  /// Height and width in this frame of a map that is `height` × `width` upright (and the other way round).
  package func size<Size>(_ height: Size, _ width: Size) -> (height: Size, width: Size) {
    transposed ? (width, height) : (height, width)
  }

  /// The row-major index, in the upright `height` × `width` map, of the element at `row`, `column` of the framed map.
  package func uprightIndex(row: Int, column: Int, height: Int, width: Int) -> Int {
    let framed = size(height, width)
    let (r, c) = halfTurned ? (framed.height - 1 - row, framed.width - 1 - column) : (row, column)
    return transposed ? c * width + r : r * width + c
  }
}

extension Frame {
  /// The upright map (or convolution kernel) over the last two axes of `tensor`, seen in this frame.
  ///
  /// As every frame is its own inverse, this also brings back a kernel from the frame: a kernel w applied to a framed
  /// map acts on the upright map as `frame.applied(to: w)`. A copy of the same element type.
  /// - Complexity: O(elements).
  package func applied(to tensor: Tensor) throws -> Tensor {
    if self == .upright { return tensor }
    guard tensor.shape.count >= 2 else {
      throw EVSSMError(
        "frame.rank", "A frame turns the last two axes; the tensor has \(tensor.shape.count).", category: .internal)
    }
    let height = tensor.shape[tensor.shape.count - 2]
    let width = tensor.shape[tensor.shape.count - 1]
    let framed = size(height, width)
    let element = tensor.dtype.byteCount
    let plane = height * width * element
    return try Tensor(dtype: tensor.dtype, shape: tensor.shape.dropLast(2) + [framed.height, framed.width]) { out in
      tensor.withUnsafeBytes { source in
        var at = 0
        while at < out.count {
          let base = at / plane * plane
          let position = (at - base) / element
          let from = uprightIndex(
            row: position / framed.width, column: position % framed.width, height: height, width: width)
          for byte in 0..<element { out[at + byte] = source[base + from * element + byte] }
          at += element
        }
      }
    }
  }
}

extension Frame {
  /// A square kernel of `side` × `side` taps, row-major, moved into the frame. Its own inverse.
  package func apply<Value>(to kernel: [Value], side: Int) -> [Value] {
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
