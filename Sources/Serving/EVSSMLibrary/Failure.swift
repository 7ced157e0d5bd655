import CEVSSM
import Tensors

/// Runs the body of an exported function: its error becomes a status and, where the caller gave room, text.
func reporting(_ report: UnsafeMutablePointer<evssm_error>?, _ body: () throws -> Void) -> evssm_status {
  do {
    try body()
    report?.pointee = evssm_error()
    return EVSSM_OK
  } catch let failure as EVSSMError {
    failure.fill(report)
    return failure.status
  } catch {
    let failure = EVSSMError("library.internal", "\(error)", category: .internal)
    failure.fill(report)
    return failure.status
  }
}

extension EVSSMError {
  /// The C interface's status of this error.
  var status: evssm_status {
    switch code {
    case "runtime.cancelled": EVSSM_CANCELLED
    case "runtime.deadline": EVSSM_DEADLINE_EXCEEDED
    case "library.busy": EVSSM_BUSY
    case "runtime.out-of-memory", "runtime.thread-start", "library.max-memory": EVSSM_UNAVAILABLE
    default:
      switch category {
      case .usage: EVSSM_INVALID_ARGUMENT
      case .badInput: EVSSM_BAD_PLAN
      case .noInput: EVSSM_NO_FILE
      case .unavailable: EVSSM_UNAVAILABLE
      case .internal: EVSSM_INTERNAL
      case .inputOutput: EVSSM_INPUT_OUTPUT
      }
    }
  }

  static func missing(_ argument: String) -> EVSSMError {
    EVSSMError("library.argument", "The argument \(argument) must not be NULL.", category: .usage)
  }

  fileprivate func fill(_ error: UnsafeMutablePointer<evssm_error>?) {
    guard let error else { return }
    error.pointee = evssm_error()
    error.pointee.status = status
    withUnsafeMutableBytes(of: &error.pointee.code) { copy(code.rawValue, into: $0) }
    withUnsafeMutableBytes(of: &error.pointee.message) { copy(text, into: $0) }
  }

  /// Place and message; the code has a member of its own.
  private var text: String {
    var parts: [String] = []
    if let file = place.file { parts.append(Self.escaped(file)) }
    if let byteOffset = place.byteOffset { parts.append("byte \(byteOffset)") }
    if let node = place.node { parts.append(Self.escaped(node)) }
    return (parts + [message]).joined(separator: ": ")
  }
}

/// Copies text as zero-terminated UTF-8; what does not fit is cut in front of a character.
func copy(_ text: String, into buffer: UnsafeMutableRawBufferPointer) {
  guard !buffer.isEmpty else { return }
  var count = 0
  for scalar in text.unicodeScalars {
    let bytes = UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    if count + bytes.count >= buffer.count { break }
    for byte in bytes {
      buffer[count] = byte
      count += 1
    }
  }
  buffer[count] = 0
}
