import Foundation
import Imaging
import PictureEvaluation
import PictureQuality
import Tensors

/// An evaluation as one HTML page without anything outside it: figures, pictures side by side, and a table.
struct EvaluationPage {
  private let evaluation: Evaluation

  init(_ evaluation: Evaluation) { self.evaluation = evaluation }

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(Paths.fileName(evaluation.plan))) on \(escaped(evaluation.data))</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <header>
    <h1>\(escaped(Paths.fileName(evaluation.plan)))</h1>
    <p>\(summary)</p>
    </header>
    <main>
    \(cards)
    \(pictures)
    \(table)
    \(failures)
    </main>
    </body>
    </html>

    """
  }

  private var summary: String {
    let count = evaluation.measured.count
    let protocolText =
      evaluation.alignment == .none
      ? "compared pixel by pixel" : "aligned in intensity and by a homography before they were compared"
    return
      "\(count) picture\(count == 1 ? "" : "s") of <code>\(escaped(evaluation.data))</code>, restored, rounded to 8 "
      + "bits, and \(protocolText), in RGB."
  }

  private var cards: String {
    let means = evaluation.means
    let values = [
      ("PSNR", Format.fixed(means.psnr, 2) + " dB", "blurred " + Format.fixed(means.inputPSNR, 2) + " dB"),
      ("Gain", Format.signed(means.psnr - means.inputPSNR, 2) + " dB", "mean over pictures"),
      ("SSIM", Format.fixed(means.ssim, 4), "blurred " + Format.fixed(means.inputSSIM, 4)),
      ("Time", Format.fixed(means.seconds, 2) + " s", "a picture, network alone"),
    ]
    let cards = values.map { "<div><span>\($0.0)</span><strong>\($0.1)</strong><small>\($0.2)</small></div>" }
    return "<section class=\"cards\">\(cards.joined(separator: "\n"))</section>"
  }

  // MARK: Pictures

  private var pictures: String {
    let shown = evaluation.measured.filter { $0.pictures != nil }.sorted { ($0.gain ?? 0) > ($1.gain ?? 0) }
    guard !shown.isEmpty else { return "" }
    let order =
      shown.count < evaluation.measured.count
      ? "Those with the largest gain and those with the smallest, in falling order." : "In falling order of the gain."
    return """
      <section>
      <h2>Pictures</h2>
      <p>\(order) Differences are those between output and target, \(ReportPictures.amplification) times as large.</p>
      \(shown.map(figure).joined(separator: "\n"))
      </section>
      """
  }

  private func figure(_ outcome: PairOutcome) -> String {
    guard let pictures = outcome.pictures, let before = outcome.before, let after = outcome.after else { return "" }
    let parts = [
      ("Input", pictures.input, figures(before)), ("Output", pictures.result, figures(after)),
      ("Target", pictures.target, ""), ("Difference", pictures.difference, ""),
    ]
    let images = parts.map { label, jpeg, caption in
      """
      <figure><img loading="lazy" alt="\(label) of \(escaped(outcome.pair.name))" src="\(Self.source(jpeg))">\
      <figcaption><b>\(label)</b> \(caption)</figcaption></figure>
      """
    }
    let gain = "<em class=\"\(tone(outcome.gain))\">\(Format.signed(outcome.gain ?? 0, 2)) dB</em>"
    return """
      <article>
      <h3>\(escaped(outcome.pair.name)) \(gain)</h3>
      <div class="row">\(images.joined())</div>
      </article>
      """
  }

  /// A picture as the source of an image element.
  private static func source(_ jpeg: [UInt8]) -> String {
    "data:image/jpeg;base64," + Data(jpeg).base64EncodedString()
  }

  private func figures(_ quality: PictureQuality) -> String {
    "\(Format.fixed(quality.psnr, 2)) dB, SSIM \(Format.fixed(quality.ssim, 4))"
  }

  private func tone(_ gain: Double?) -> String { (gain ?? 0) < 0 ? "down" : "up" }

  // MARK: Tables

  private var table: String {
    let largest = max(1e-6, evaluation.measured.compactMap(\.gain).map(abs).max() ?? 0)
    let headings = ["Picture", "Size", "Input PSNR", "PSNR", "Gain", "", "Input SSIM", "SSIM", "Seconds"]
    let rows = evaluation.measured.map { row($0, largest) }
    return """
      <section>
      <h2>All pictures</h2>
      <div class="scroll"><table>
      <thead><tr>\(headings.map { "<th>\($0)</th>" }.joined())</tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table></div>
      </section>
      """
  }

  private func row(_ outcome: PairOutcome, _ largest: Double) -> String {
    guard let before = outcome.before, let after = outcome.after else { return "" }
    let gain = outcome.gain ?? 0
    let bar = "<i class=\"\(tone(gain))\" style=\"width:\(Format.fixed(abs(gain) / largest * 6, 2))em\"></i>"
    let cells = [
      escaped(outcome.pair.name), "\(outcome.width ?? 0)×\(outcome.height ?? 0)", Format.fixed(before.psnr, 2),
      Format.fixed(after.psnr, 2), Format.signed(gain, 2), bar, Format.fixed(before.ssim, 4),
      Format.fixed(after.ssim, 4), Format.fixed(outcome.seconds ?? 0, 2),
    ]
    return "<tr>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
  }

  private var failures: String {
    let errors = evaluation.errors
    guard !errors.isEmpty else { return "" }
    let items = errors.map { "<li>\(escaped($0.description))</li>" }
    return "<section><h2>Not measured</h2><ul>\(items.joined())</ul></section>"
  }

  private func escaped(_ text: String) -> String {
    EVSSMError.escaped(text, limit: 400).reduce(into: "") { out, character in
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(character)
      }
    }
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #e0e3e8; --card: #f6f7f9; --page: #fff; \
    --up: #18794e; --down: #cd2b31; }
    @media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #a0a4ac; --line: #34373c; --card: #202327; \
    --page: #16181b; --up: #4cc38a; --down: #ff8589; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
    header, main { max-width: 1400px; margin: 0 auto; padding: 0 24px; }
    header { padding-top: 32px; }
    h1 { margin: 0; font-size: 26px; } h2 { margin: 40px 0 4px; font-size: 19px; } h3 { margin: 0 0 8px; font-size: 15px; }
    p { margin: 4px 0 16px; color: var(--soft); max-width: 80ch; }
    em { font-style: normal; font-weight: 600; margin-left: 8px; } em.up { color: var(--up); } em.down { color: var(--down); }
    .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; }
    .cards div { background: var(--card); border-radius: 10px; padding: 14px 18px; }
    .cards span, .cards small { display: block; color: var(--soft); } .cards strong { font-size: 24px; }
    article { margin: 20px 0 28px; }
    .row { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; }
    @media (max-width: 800px) { .row { grid-template-columns: repeat(2, 1fr); } }
    figure { margin: 0; } img { display: block; width: 100%; border-radius: 6px; background: var(--card); }
    figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; } figcaption b { color: var(--ink); }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
    th, td { padding: 6px 12px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
    th:first-child, td:first-child, td:nth-child(6) { text-align: left; } th { color: var(--soft); font-weight: 500; }
    td i { display: inline-block; height: 8px; border-radius: 4px; vertical-align: middle; }
    i.up { background: var(--up); } i.down { background: var(--down); }
    """
}
