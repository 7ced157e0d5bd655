import Foundation
import GraphIR
import Tensors

extension SpectralFilter: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let (map, filter) = (inputs[0], inputs[1])
    let columns = filter.shape[2]
    let (forward, inverse) = PatchTransform.matrices(columns: columns, Scalar.self)
    let order = PatchTransform.order(height: map.height, width: map.width)
    let patches = map.gathered(order, shape: [map.channels, 1, map.pixels / 64, 64])
    let frequencies = 8 * columns
    var out = ReferenceArray<Scalar>(patches.shape)
    for channel in 0..<map.channels {
      let count = map.pixels / 64
      let range = channel * map.pixels..<(channel + 1) * map.pixels
      var spectrum = ReferenceArray<Scalar>([1, count, 1, 2 * frequencies])
      accumulateProduct(Array(patches.elements[range]), forward, inner: 64, into: &spectrum)
      for i in spectrum.elements.indices {
        spectrum.elements[i] *= filter.elements[channel * frequencies + i % frequencies]
      }
      var filtered = ReferenceArray<Scalar>([1, count, 1, 64])
      accumulateProduct(spectrum.elements, inverse, inner: 2 * frequencies, into: &filtered)
      out.elements.replaceSubrange(range, with: filtered.elements)
    }
    return [ReferenceArray([1, map.channels, 1, map.pixels], from: out.elements).scattered(order, shape: map.shape)]
  }
}

/// The two-dimensional discrete Fourier transform of an 8×8 patch, and its inverse, as real matrices.
///
/// A spectrum is all real parts and then all imaginary parts, each 8 × `columns`: 8 columns, or the 5 of `rfft2`.
private enum PatchTransform {
  /// forward (64, 2·8·columns) and inverse (2·8·columns, 64); rows of a product are patches.
  static func matrices<Scalar: ReferenceScalar>(columns: Int, _: Scalar.Type) -> (forward: [Scalar], inverse: [Scalar])
  {
    let half = 8 * columns
    var forward = [Scalar](repeating: 0, count: 64 * 2 * half)
    var inverse = forward
    for u in 0..<8 {
      for v in 0..<columns {
        // Columns 1 to 3 of a half spectrum stand for their mirror images, 7 to 5, as well.
        let weight = columns == 5 && (1...3).contains(v) ? 2.0 : 1.0
        for y in 0..<8 {
          for x in 0..<8 {
            let angle = 2 * Double.pi * Double((u * y + v * x) % 8) / 8
            let (f, p) = (u * columns + v, y * 8 + x)
            forward[p * 2 * half + f] = Scalar(cos(angle))
            forward[p * 2 * half + half + f] = Scalar(-sin(angle))
            inverse[f * 64 + p] = Scalar(weight * cos(angle) / 64)
            inverse[(half + f) * 64 + p] = Scalar(-weight * sin(angle) / 64)
          }
        }
      }
    }
    return (forward, inverse)
  }

  /// The pixels of a map patch by patch.
  static func order(height: Int, width: Int) -> [Int] {
    (0..<height * width).map { i in
      let (patch, inside) = (i / 64, i % 64)
      let (row, column) = (patch / (width / 8), patch % (width / 8))
      return (row * 8 + inside / 8) * width + column * 8 + inside % 8
    }
  }
}
