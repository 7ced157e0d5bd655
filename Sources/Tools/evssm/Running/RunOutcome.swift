import PlanRuntime
import Tensors

/// What became of one picture.
struct RunOutcome: Sendable {
  let item: RunItem
  var width: Int?
  var height: Int?
  /// How it was cut; nil in one piece.
  var grid: TileGrid?
  /// Of the network alone.
  var seconds: Double?
  var notes: [String] = []
  var error: EVSSMError?

  init(item: RunItem) { self.item = item }

  /// The outcome that `body` fills in, or the error that it throws.
  static func catching(_ item: RunItem, _ body: (inout RunOutcome) throws -> Void) -> RunOutcome {
    var outcome = RunOutcome(item: item)
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

  var json: JSONValue {
    [
      "input": .string(item.input),
      "output": error == nil ? .string(item.output) : nil,
      "comparison": error == nil ? JSONValue(item.comparison) : nil,
      "width": JSONValue(width),
      "height": JSONValue(height),
      "tiles": grid.map(Self.json) ?? nil,
      "seconds": JSONValue(seconds),
      "notes": JSONValue(notes),
      "error": error.map { ["code": .string($0.code.rawValue), "message": .string($0.description)] } ?? nil,
    ]
  }

  private static func json(_ grid: TileGrid) -> JSONValue {
    [
      "count": .integer(grid.count),
      "width": .integer(grid.tileWidth),
      "height": .integer(grid.tileHeight),
      "overlap": .integer(TileGrid.overlap),
    ]
  }
}
