import Foundation
import JSON
import Tensors

/// Standard output for results, standard error for everything else.
enum Console {
  /// Writes a line to standard output.
  ///
  /// Throws ``CommandStop`` without a word when the reader has closed the pipe, and
  /// `stdout.unwritable` for other failures.
  static func output(_ text: String) throws {
    guard !write(text + "\n", to: STDOUT_FILENO) else { return }
    if errno == EPIPE { throw CommandStop(.inputOutput) }
    throw EVSSMError(
      "stdout.unwritable", "Standard output cannot be written: \(String(cString: strerror(errno))).",
      category: .inputOutput)
  }

  /// Writes one JSON object to standard output.
  static func output(_ json: JSONValue) throws { try output(json.text) }

  /// Writes a line to standard error. Failures to do so are ignored: there is nowhere left to report them.
  static func note(_ text: String) { _ = write(text + "\n", to: STDERR_FILENO) }

  static func error(_ text: String) { note("evssm: error: " + text) }

  static func warning(_ text: String) { note("evssm: warning: " + text) }

  /// Writes to standard error without ending the line.
  static func partial(_ text: String) { _ = write(text, to: STDERR_FILENO) }

  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// False, with errno set, when not everything could be written.
  private static func write(_ text: String, to descriptor: Int32) -> Bool {
    Array(text.utf8).withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
        let wrote = Foundation.write(descriptor, rest.baseAddress, rest.count)
        if wrote > 0 { done += wrote } else if errno != EINTR { return false }
      }
      return true
    }
  }
}
