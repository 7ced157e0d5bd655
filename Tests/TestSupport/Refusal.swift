import Tensors
import Testing

/// Expects that `body` throws an `EVSSMError` of this code, and of this limit's name if one is given, within the time
/// that
/// hostile input may take (generously: a debug build on a busy machine).
package func expectRefusal(
  _ label: String, _ code: String, limit: String? = nil, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  let clock = ContinuousClock()
  let start = clock.now
  do {
    try body()
    Issue.record("\(label) was accepted", sourceLocation: sourceLocation)
  } catch let error as EVSSMError {
    #expect(error.code.rawValue == code, "\(label): \(error)", sourceLocation: sourceLocation)
    #expect(error.limit == limit, "\(label): \(error)", sourceLocation: sourceLocation)
  } catch { Issue.record("\(label): \(error) is no EVSSMError", sourceLocation: sourceLocation) }
  #expect(clock.now - start < .seconds(10), "\(label) took too long", sourceLocation: sourceLocation)
}
