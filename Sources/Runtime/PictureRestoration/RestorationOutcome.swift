import PlanRuntime
import Tensors

/// What became of one picture.
public struct RestorationOutcome: Sendable {
  public let item: RestorationItem
  /// Of the picture, in pixels; nil where it was not read.
  public var width: Int?
  /// Of the picture, in pixels; nil where it was not read.
  public var height: Int?
  /// How it was cut; nil in one piece.
  package var grid: TileGrid?
  /// Wall time of the network alone; nil where it was not run to its end.
  public var seconds: Double?
  /// What reading changed, what the output's format could not keep, and how many values were not finite.
  public var notes: [String] = []
  /// Why there is no result; its place names the input. Nil for a picture that was restored and written.
  public var error: EVSSMError?

  init(item: RestorationItem) { self.item = item }

  /// The outcome that `body` fills in, or the error that it throws.
  static func catching(_ item: RestorationItem, _ body: (inout RestorationOutcome) throws -> Void) -> RestorationOutcome
  {
    var outcome = RestorationOutcome(item: item)
    do { try body(&outcome) } catch let error as EVSSMError {
      outcome.error = error.at(.init(file: item.input))
    } catch {
      outcome.error = EVSSMError("internal.error", "\(error)", category: .internal, place: .init(file: item.input))
    }
    return outcome
  }

  mutating func note(nonFinite count: Int) {
    if count > 0 { notes.append("\(count) values of the result are NaN or infinite") }
  }
}
