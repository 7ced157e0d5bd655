import Tensors

/// Why a request was not served, in words that a stranger may read: no paths, no addresses, no secrets.
package struct ServingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The class of the failure; each protocol has a status for every one.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The request is malformed or cannot be run.
    case invalid
    /// No such model, version or route.
    case notFound
    /// Over a limit of size or memory.
    case tooLarge
    /// A content type or encoding that is not read.
    case unsupportedMedia
    /// Without the right token.
    case unauthorized
    /// Switched off by configuration.
    case forbidden
    /// The queue is full.
    case overloaded
    /// The deadline passed, or will have passed before the request's turn.
    case deadline
    /// Loading, unloading or shutting down.
    case unavailable
    /// The client is gone.
    case cancelled
    /// A fault of the server.
    case `internal`
  }

  package var kind: Kind
  package var message: String
  /// Seconds after which trying again makes sense.
  package var retryAfter: Int?

  package init(_ kind: Kind, _ message: String, retryAfter: Int? = nil) {
    self.kind = kind
    self.message = message
    self.retryAfter = retryAfter
  }

  package var description: String { message }

  /// Any error, as what a client may see of it. What is not known to be harmless becomes ``Kind/internal`` without a
  /// word.
  package init(_ error: any Error) {
    switch error {
    case let error as ServingError: self = error
    case let error as EVSSMError: self.init(error)
    case is CancellationError: self.init(.cancelled, "The request was cancelled.")
    default: self.init(.internal, "The server failed; its log says why, under this request's id.")
    }
  }

  private init(_ error: EVSSMError) {
    switch (error.code.rawValue, error.category) {
    case ("runtime.cancelled", _): self.init(.cancelled, "The request was cancelled.")
    case ("runtime.deadline", _): self.init(.deadline, "The deadline passed while the picture was restored.")
    case ("runtime.out-of-memory", .internal):
      self.init(.unavailable, "There is no memory for this picture now; try again later.", retryAfter: 1)
    case (_, .internal), (_, .inputOutput):
      self.init(.internal, "The server failed; its log says why, under this request's id.")
    default:
      let limit = error.limit.map { ", limit \($0)" } ?? ""
      self.init(
        error.limit == nil ? .invalid : .tooLarge, "\(error.message) [\(error.code.rawValue)\(limit)]")
    }
  }
}
