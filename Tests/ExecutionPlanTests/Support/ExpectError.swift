import Tensors
import Testing

/// Runs `body`, which must throw an ``EVSSMError`` of one of the given codes.
func expectError(
  _ codes: EVSSMError.Code..., limit: String? = nil, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("nothing was thrown; expected \(codes.map(\.rawValue))", sourceLocation: sourceLocation)
  } catch let error as EVSSMError {
    #expect(codes.contains(error.code), "\(error)", sourceLocation: sourceLocation)
    #expect(limit == nil || error.limit == limit, "\(error)", sourceLocation: sourceLocation)
  } catch {
    Issue.record("not an EVSSMError: \(error)", sourceLocation: sourceLocation)
  }
}
