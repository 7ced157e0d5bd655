import Imaging
import Tensors

/// The outcomes of a set of pairs, and their means.
struct Evaluation {
  let plan: String
  let data: String
  let alignment: PictureQuality.Alignment
  let outcomes: [PairOutcome]

  /// Means over the pairs that could be measured; NaN when there are none.
  struct Means {
    let inputPSNR: Double
    let inputSSIM: Double
    let psnr: Double
    let ssim: Double
    let seconds: Double
  }

  var measured: [PairOutcome] { outcomes.filter { $0.error == nil } }
  var errors: [EVSSMError] { outcomes.compactMap(\.error) }

  var means: Means {
    func mean(_ value: (PairOutcome) -> Double?) -> Double {
      let values = measured.compactMap(value)
      return values.reduce(0, +) / Double(values.count)
    }
    return Means(
      inputPSNR: mean { $0.before?.psnr }, inputSSIM: mean { $0.before?.ssim }, psnr: mean { $0.after?.psnr },
      ssim: mean { $0.after?.ssim }, seconds: mean(\.seconds))
  }

  /// One line a pair, and the means.
  var lines: [String] {
    var table = TextTable([
      ("picture", .left), ("size", .right), ("input PSNR", .right), ("PSNR", .right), ("gain", .right),
      ("input SSIM", .right), ("SSIM", .right), ("seconds", .right),
    ])
    for outcome in measured {
      guard let before = outcome.before, let after = outcome.after else { continue }
      table.append(
        EVSSMError.escaped(outcome.pair.name), "\(outcome.width ?? 0)x\(outcome.height ?? 0)",
        Format.fixed(before.psnr, 2), Format.fixed(after.psnr, 2), Format.signed(after.psnr - before.psnr, 2),
        Format.fixed(before.ssim, 4), Format.fixed(after.ssim, 4), Format.fixed(outcome.seconds ?? 0, 2))
    }
    let means = means
    table.append(
      "mean of \(measured.count)", "", Format.fixed(means.inputPSNR, 2), Format.fixed(means.psnr, 2),
      Format.signed(means.psnr - means.inputPSNR, 2), Format.fixed(means.inputSSIM, 4), Format.fixed(means.ssim, 4),
      Format.fixed(means.seconds, 2))
    return table.lines()
  }

  func json(threads: Int, instructionSet: String) -> JSONValue {
    let means = means
    return [
      "plan": .string(plan),
      "data": .string(data),
      "alignment": .string(alignment.rawValue),
      "threads": .integer(threads),
      "isa": .string(instructionSet),
      "pictures": .integer(measured.count),
      "failed": .integer(errors.count),
      "mean": [
        "input_psnr": .number(means.inputPSNR),
        "input_ssim": .number(means.inputSSIM),
        "psnr": .number(means.psnr),
        "ssim": .number(means.ssim),
        "seconds": .number(means.seconds),
      ],
      "results": .array(outcomes.map(\.json)),
    ]
  }
}
