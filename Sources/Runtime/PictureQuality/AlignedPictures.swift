import Imaging
import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A restored picture moved onto its target, as the protocol of RealBlur does before it measures.
struct AlignedPictures {
  /// Values in 0...1 or a little beyond; 0 where the mask is.
  let result: PixelPlanes
  let target: PixelPlanes
  /// 1 where the moved result has a value.
  let mask: [Double]

  /// - Throws: `picture.size-mismatch`, `picture.no-alignment`.
  init(_ picture: Picture, target sharp: Picture) throws {
    guard picture.width == sharp.width, picture.height == sharp.height else {
      throw EVSSMError(
        "picture.size-mismatch",
        "A picture of \(picture.width) by \(picture.height) cannot be aligned with one of "
          + "\(sharp.width) by \(sharp.height).")
    }
    var result = PixelPlanes(picture, scale: 1 / 255)
    var target = PixelPlanes(sharp, scale: 1 / 255)
    Self.matchIntensity(&result, target)
    let homography = try ImageAlignment(template: Plane(grey: target), input: Plane(grey: result)).homography()
    let (width, height) = (result.width, result.height)
    let positions = homography.positions(width: width, height: height)
    mask = positions.map { x, y in
      // The nearest pixel has to exist.
      let (column, row) = (x.rounded(), y.rounded())
      return column >= 0 && row >= 0 && column < Double(width) && row < Double(height) ? 1 : 0
    }
    result.channels = result.channels.map { [mask] channel in
      let plane = Plane(width: width, height: height, values: channel)
      return zip(positions, mask).map { position, share in
        share > 0 ? plane.cubic(x: position.x, y: position.y) : 0
      }
    }
    target.channels = target.channels.map { [mask] in zip($0, mask).map { $0 * $1 } }
    self.result = result
    self.target = target
  }

  /// Over the pixels of the mask.
  var psnr: Double {
    var squares = 0.0
    for (a, b) in zip(result.channels, target.channels) {
      for (x, y) in zip(a, b) { squares += (x - y) * (x - y) }
    }
    return -10 * log10(squares / (3 * mask.reduce(0, +)))
  }

  /// Scales all values by the one factor that brings them closest to the target's.
  private static func matchIntensity(_ result: inout PixelPlanes, _ target: PixelPlanes) {
    var (products, squares) = (0.0, 0.0)
    for (a, b) in zip(result.channels, target.channels) {
      for (x, y) in zip(a, b) {
        products += x * y
        squares += x * x
      }
    }
    let factor = squares > 0 ? products / squares : 1
    result.channels = result.channels.map { $0.map { $0 * factor } }
  }
}
