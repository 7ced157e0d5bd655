/// How a stored picture must be turned or mirrored to be upright: the EXIF tag 0x0112 (CIPA DC-008, 4.6.5.1).
package enum Orientation: Int, Sendable, Hashable, CaseIterable {
  case upright = 1
  case mirrored, halfTurn, flipped, transposed, rightTurn, transverse, leftTurn

  /// Whether width and height change places.
  package var swapsSides: Bool { rawValue >= 5 }

  /// Where the upright picture's first pixel is stored, and how far apart its neighbours to the right and below are, in
  /// pixels.
  func walk(width: Int, height: Int) -> (start: Int, right: Int, down: Int) {
    let lastRow = (height - 1) * width
    return switch self {
    case .upright: (0, 1, width)
    case .mirrored: (width - 1, -1, width)
    case .halfTurn: (lastRow + width - 1, -1, -width)
    case .flipped: (lastRow, 1, -width)
    case .transposed: (0, width, 1)
    case .rightTurn: (lastRow, -width, 1)
    case .transverse: (lastRow + width - 1, -width, -1)
    case .leftTurn: (width - 1, width, -1)
    }
  }
}

extension Picture {
  /// The upright picture of one that is stored with `orientation`. Every sample is kept exactly.
  ///
  /// - Complexity: O(pixels).
  func upright(from orientation: Orientation) throws -> Picture {
    if orientation == .upright { return self }
    let (outWidth, outHeight) = orientation.swapsSides ? (height, width) : (width, height)
    let turned: Samples =
      switch samples {
      case .eightBit(let bytes): .eightBit(turn(bytes, 3, orientation))
      case .sixteenBit(let words): .sixteenBit(turn(words, 3, orientation))
      }
    return try Picture(
      width: outWidth, height: outHeight, samples: turned, alpha: alpha.map { turn($0, 1, orientation) },
      notes: notes + [.orientationApplied])
  }

  private func turn<Sample: BitwiseCopyable>(_ samples: [Sample], _ channels: Int, _ orientation: Orientation)
    -> [Sample]
  {
    let (columns, rows) = orientation.swapsSides ? (height, width) : (width, height)
    let walk = orientation.walk(width: width, height: height)
    return samples.withUnsafeBufferPointer { source in
      [Sample](unsafeUninitializedCapacity: source.count) { out, initialized in
        for row in 0..<rows {
          var from = (walk.start + row * walk.down) * channels
          for column in 0..<columns {
            let to = (row * columns + column) * channels
            for channel in 0..<channels { out[to + channel] = source[from + channel] }
            from += walk.right * channels
          }
        }
        initialized = source.count
      }
    }
  }
}
