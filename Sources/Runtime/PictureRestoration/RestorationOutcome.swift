import PlanRuntime
import Tensors

/// What became of one picture.
package struct RestorationOutcome: Sendable {
  package let item: RestorationItem
  package var width: Int?
  package var height: Int?
  /// How it was cut; nil in one piece.
  package var grid: TileGrid?
  /// Of the network alone.
  package var seconds: Double?
  package var notes: [String] = []
  package var error: EVSSMError?

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
