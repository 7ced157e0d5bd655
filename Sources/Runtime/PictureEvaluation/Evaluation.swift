import Imaging
import PictureQuality
import Tensors

/// The outcomes of a set of pairs, and their means.
package struct Evaluation: Sendable {
  package let plan: String
  package let data: String
  package let alignment: PictureQuality.Alignment
  package let outcomes: [PairOutcome]

  package init(plan: String, data: String, alignment: PictureQuality.Alignment, outcomes: [PairOutcome]) {
    self.plan = plan
    self.data = data
    self.alignment = alignment
    self.outcomes = outcomes
  }

  /// Means over the pairs that could be measured; NaN when there are none.
  package struct Means: Sendable {
    package let inputPSNR: Double
    package let inputSSIM: Double
    package let psnr: Double
    package let ssim: Double
    package let seconds: Double
  }

  package var measured: [PairOutcome] { outcomes.filter { $0.error == nil } }
  package var errors: [EVSSMError] { outcomes.compactMap(\.error) }

  package var means: Means {
    func mean(_ value: (PairOutcome) -> Double?) -> Double {
      let values = measured.compactMap(value)
      return values.reduce(0, +) / Double(values.count)
    }
    return Means(
      inputPSNR: mean { $0.before?.psnr }, inputSSIM: mean { $0.before?.ssim }, psnr: mean { $0.after?.psnr },
      ssim: mean { $0.after?.ssim }, seconds: mean(\.seconds))
  }
}
