import Foundation
import PlanRuntime
import Tensors

/// What became of one picture.
struct RunOutcome {
  let item: RunItem
  var width: Int?
  var height: Int?
  /// Of the network alone.
  var seconds: Double?
  var notes: [String] = []
  var error: EVSSMError?

  var json: JSONValue {
    [
      "input": .string(item.input),
      "output": error == nil ? .string(item.output) : nil,
      "width": JSONValue(width),
      "height": JSONValue(height),
      "seconds": JSONValue(seconds),
      "notes": JSONValue(notes),
      "error": error.map { ["code": .string($0.code.rawValue), "message": .string($0.description)] } ?? nil,
    ]
  }
}

/// Restores pictures one after the other; an error of one does not touch the others.
struct PictureRunner {
  private var sessions: SessionCache

  init(sessions: SessionCache) { self.sessions = sessions }

  mutating func run(_ item: RunItem) -> RunOutcome {
    var outcome = RunOutcome(item: item)
    do { try restore(item, &outcome) } catch let error as EVSSMError {
      outcome.error = error.at(.init(file: item.input))
    } catch {
      outcome.error = EVSSMError("internal.error", "\(error)", category: .internal, place: .init(file: item.input))
    }
    return outcome
  }

  private mutating func restore(_ item: RunItem, _ outcome: inout RunOutcome) throws {
    var picture = try PictureData.read(path: item.input)
    (outcome.width, outcome.height) = (picture.width, picture.height)
    let session = try sessions.session(width: picture.width, height: picture.height)
    let start = ContinuousClock.now
    picture.planes = try session.run(picture.planes)
    outcome.seconds = (ContinuousClock.now - start).seconds
    outcome.notes = picture.notes + (try picture.write(to: item.output))
    let nonFinite = picture.planes.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
    if nonFinite > 0 { outcome.notes.append("\(nonFinite) values of the result are NaN or infinite") }
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
