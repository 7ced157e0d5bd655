import JSON
import PictureEvaluation
import Tensors

extension Evaluation {
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

extension PairOutcome {
  var json: JSONValue {
    [
      "name": .string(pair.name),
      "width": JSONValue(width),
      "height": JSONValue(height),
      "input_psnr": JSONValue(before?.psnr),
      "input_ssim": JSONValue(before?.ssim),
      "psnr": JSONValue(after?.psnr),
      "ssim": JSONValue(after?.ssim),
      "seconds": JSONValue(seconds),
      "error": error.map { ["code": .string($0.code.rawValue), "message": .string($0.description)] } ?? nil,
    ]
  }
}
