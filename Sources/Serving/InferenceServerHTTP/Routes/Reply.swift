import HTTPTypes
import Hummingbird
import InferenceServer
import JSON
import NIOCore

extension HTTPField.Name {
  static let inferenceHeaderLength = HTTPField.Name("Inference-Header-Content-Length")!
  static let requestID = HTTPField.Name("X-Request-Id")!
  static let inferSeconds = HTTPField.Name("X-Infer-Seconds")!
}

extension ServingError.Kind {
  var status: HTTPResponse.Status {
    switch self {
    case .invalid: .badRequest
    case .notFound: .notFound
    case .tooLarge: .contentTooLarge
    case .unsupportedMedia: .unsupportedMediaType
    case .unauthorized: .unauthorized
    case .forbidden: .forbidden
    case .overloaded, .unavailable: .serviceUnavailable
    case .deadline: .gatewayTimeout
    // Nobody is there to read it; 499 is nginx's status for the log.
    case .cancelled: .init(code: 499, reasonPhrase: "Client Closed Request")
    case .internal: .internalServerError
    }
  }
}

/// Answers, all with a length and a type.
enum Reply {
  static func bytes(
    _ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
  ) -> Response {
    var headers = headers
    headers[.contentType] = type
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  static func json(_ document: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
    bytes(document.bytes(), type: "application/json", status: status)
  }

  static func error(_ error: ServingError) -> Response {
    var response = json(Documents.error(error), status: error.kind.status)
    if error.kind.status == .serviceUnavailable {
      response.headers[.retryAfter] = String(max(1, error.retryAfter ?? 1))
    }
    if error.kind == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }

  static func wrongMethod(_ route: Route) -> Response {
    let allowed = route.methods.map(\.rawValue).joined(separator: ", ")
    var response = json(
      ["error": .string("This path answers to \(allowed).")], status: .methodNotAllowed)
    response.headers[.allow] = allowed
    return response
  }
}
