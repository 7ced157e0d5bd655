import Imaging
import PictureQuality
import PictureRestoration
import PlanRuntime
import Tensors

/// What one pair came to.
package struct PairOutcome: Sendable {
  package let pair: EvaluationPair
  package var width: Int?
  package var height: Int?
  /// Of the blurred picture against the target.
  package var before: PictureQuality?
  /// Of the restored picture against the target.
  package var after: PictureQuality?
  /// Of the network alone.
  package var seconds: Double?
  package var pictures: ReportPictures?
  package var error: EVSSMError?
}

/// Restores blurred pictures and measures them against the sharp ones; an error of one pair does not touch the others.
package struct PairEvaluator {
  private var sessions: SessionCache
  private let alignment: PictureQuality.Alignment
  /// Folder for the restored pictures; nil to keep none.
  private let output: String?

  package init(sessions: SessionCache, alignment: PictureQuality.Alignment, output: String?) {
    self.sessions = sessions
    self.alignment = alignment
    self.output = output
  }

  /// - Parameter keepsPictures: whether the outcome holds small pictures for a report.
  package mutating func evaluate(_ pair: EvaluationPair, keepsPictures: Bool) -> PairOutcome {
    var outcome = PairOutcome(pair: pair)
    do { try evaluate(pair, keepsPictures, &outcome) } catch let error as EVSSMError {
      outcome.error = error.at(.init(file: pair.input))
    } catch {
      outcome.error = EVSSMError("internal.error", "\(error)", category: .internal, place: .init(file: pair.input))
    }
    return outcome
  }

  private mutating func evaluate(_ pair: EvaluationPair, _ keepsPictures: Bool, _ outcome: inout PairOutcome) throws {
    let input = try Picture.read(path: pair.input), target = try Picture.read(path: pair.target)
    let session = try sessions.session(width: input.width, height: input.height)
    let start = ContinuousClock.now
    var planes = input.planes()
    try session.restore(&planes)
    outcome.seconds = (ContinuousClock.now - start).seconds
    let result = try Picture(planes: planes, width: input.width, height: input.height)
    (outcome.width, outcome.height) = (input.width, input.height)
    outcome.before = try PictureQuality(input, target: target, alignment: alignment)
    outcome.after = try PictureQuality(result, target: target, alignment: alignment)
    if let output { try result.write(to: Paths.joined(output, pair.name + ".png")) }
    if keepsPictures { outcome.pictures = try ReportPictures(input: input, result: result, target: target) }
  }
}
