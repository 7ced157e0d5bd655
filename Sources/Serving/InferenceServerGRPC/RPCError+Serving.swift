import GRPCCore
import GRPCProtobuf
import InferenceServer

extension ServingError.Kind {
  var code: RPCError.Code {
    switch self {
    case .invalid, .unsupportedMedia: .invalidArgument
    case .notFound: .notFound
    case .tooLarge, .overloaded: .resourceExhausted
    case .unauthorized: .unauthenticated
    case .forbidden: .permissionDenied
    case .deadline: .deadlineExceeded
    case .unavailable: .unavailable
    case .cancelled: .cancelled
    case .internal: .internalError
    }
  }
}

extension ServingError {
  /// The error as a client gets it: with the time after which to try again, where there is one.
  var rpcError: any Error & RPCErrorConvertible {
    guard kind == .overloaded || kind == .unavailable else { return RPCError(code: kind.code, message: message) }
    return GoogleRPCStatus(
      code: kind.code, message: message, details: .retryInfo(delay: .seconds(max(1, retryAfter ?? 1))))
  }
}
