import Tensors

/// What stopped a ``JSONScanner``, and where. The scanner's user words it: a damaged file and a wrong request are
/// mended in different ways.
package struct JSONFailure: Sendable, Hashable {
  package enum Reason: Sendable, Hashable {
    /// The text is malformed; the description is of what should be here, such as "a value".
    case expected(String)
    /// The text is well-formed so far, but over a limit of ``JSONLimits``; the description is of the excess.
    case limit(String)
  }

  /// Offset in bytes from the start of the text.
  package var position: Int
  package var reason: Reason

  /// Turns a failure into the error that is thrown.
  package typealias Wording = @Sendable (JSONFailure) -> any Error

  /// The failure as an error of a file: `json.syntax` or `limit.exceeded`.
  ///
  /// - Parameter fileOffset: where in its file the text starts, in bytes.
  package func error(fileOffset: Int) -> EVSSMError {
    let place = EVSSMError.Place(byteOffset: UInt64(fileOffset + position))
    switch reason {
    case .expected(let what):
      return EVSSMError(
        "json.syntax", "The JSON text is malformed here: expected \(what). Write the file again.", place: place)
    case .limit(let what):
      return EVSSMError("limit.exceeded", "The JSON text is too large here: \(what).", place: place, limit: "max_json")
    }
  }
}
