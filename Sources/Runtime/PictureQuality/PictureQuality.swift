import Imaging
import Tensors

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How close a restored picture comes to the sharp one, in the measures that papers report.
package struct PictureQuality: Sendable, Hashable {
  /// How the two pictures are brought together before they are measured.
  package enum Alignment: String, Sendable, Hashable, CaseIterable {
    /// Not at all: pixel by pixel, as for GoPro and HIDE.
    case none
    /// The protocol of RealBlur (Rim, Lee, Won, Cho, ECCV 2020), whose pairs come from two shots: the result is scaled
    /// in intensity and moved by the homography that fits it to the target; pixels that are then missing do not count.
    case homography
  }

  /// Peak signal-to-noise ratio over the RGB samples, in dB; infinite for equal pictures.
  package let psnr: Double
  /// Mean of the structural similarity over pixels and channels; see ``StructuralSimilarity``.
  package let ssim: Double

  /// Measures `result` against `target`, both in 8 bits.
  ///
  /// - Throws: `picture.size-mismatch`, `picture.too-small` below 11×11 pixels, `picture.no-alignment` when no
  ///   homography is found.
  /// - Complexity: O(pixels); the alignment takes up to a hundred passes.
  package init(_ result: Picture, target: Picture, alignment: Alignment = .none) throws {
    switch alignment {
    case .none:
      psnr = try PictureDifference(result, target).psnr
      ssim = try StructuralSimilarity.mean(result, target)
    case .homography:
      let difference = try PictureDifference(result, target)
      guard difference.maximum > 0 else {
        (psnr, ssim) = (.infinity, try StructuralSimilarity.mean(result, target))
        return
      }
      let aligned = try AlignedPictures(result, target: target)
      psnr = aligned.psnr
      ssim = try StructuralSimilarity.mean(aligned.result, aligned.target, peak: 1, mask: aligned.mask)
    }
  }
}
