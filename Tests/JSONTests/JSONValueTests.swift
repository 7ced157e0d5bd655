import JSON
import Tensors
import Testing

@Suite struct JSONValueTests {
  private static let limits = JSONLimits(maxDepth: 4, maxValueCount: 8, maxNumberLength: 12)

  private func read(_ text: String, floatsKey: String? = nil) throws -> JSONValue {
    try Array(text.utf8).withUnsafeBytes {
      try JSONValue.read($0, limits: Self.limits, floatsKey: floatsKey) { $0.error(fileOffset: 100) }
    }
  }

  /// The code and place of the error that a text is refused with.
  private func refusal(_ text: String, floatsKey: String? = nil) -> EVSSMError? {
    #expect(throws: EVSSMError.self, "\(text)") { try read(text, floatsKey: floatsKey) }
  }

  @Test(arguments: [
    #"{"a": [1, -2, 0.5], "b": {"c": null, "d": true}}"#, "[]", "{}", #""é\u000a\"\\""#, "18446744073709551615",
    "-9.5e-05", "false",
  ])
  func whatIsReadIsWrittenAgain(_ text: String) throws {
    let wide = JSONLimits(maxDepth: 4, maxValueCount: 8, maxNumberLength: 20)
    let value = try Array(text.utf8).withUnsafeBytes {
      try JSONValue.read($0, limits: wide) { $0.error(fileOffset: 0) }
    }
    #expect(value.text == text)
  }

  @Test func arraysUnderTheFloatsKeyAreRowMajor() throws {
    let value = try read(#"{"data": [[1, 0.1], [[16777217]], []], "x": [1]}"#, floatsKey: "data")
    guard case .floats(let numbers)? = value["data"], case .array(let others)? = value["x"] else {
      Issue.record("the members are of other kinds")
      return
    }
    #expect(numbers == [1, 0.1, 16_777_216])
    #expect(others.count == 1)
  }

  @Test(arguments: [
    ("", 100), ("[1,]", 103), ("[1 2]", 103), ("{\"a\":1,\"a\":2}", 111), ("01", 101), ("1.", 102), ("tru", 100),
    ("[1]]", 103), ("{a:1}", 101), ("\"\\ud800\"", 107), ("\"a", 102), ("+1", 100), ("nan", 100),
  ])
  func malformedTextIsRefusedWhereItIsWrong(_ text: String, _ place: UInt64) {
    let error = refusal(text)
    #expect(error?.code == "json.syntax")
    #expect(error?.place.byteOffset == place, "\(text)")
  }

  @Test(arguments: [
    "[[[[1]]]]", "[1,2,3,4,5,6,7,8]", "1234567890123", #"{"data": [[[[1]]]]}"#, #"{"data": [1e39]}"#,
  ])
  func textOverALimitIsRefused(_ text: String) {
    let error = refusal(text, floatsKey: "data")
    #expect(error?.code == "limit.exceeded")
    #expect(error?.limit == "max_json")
  }

  @Test func stylesDifferInSpacesAndInWhatTheyEscape() {
    let value: JSONValue = ["a": [1, "\u{7F}"], "b": .floats([0.5, 1])]
    #expect(String(decoding: value.bytes(.compact), as: UTF8.self) == #"{"a":[1,"\u007f"],"b":[0.5,1.0]}"#)
    let raw = value.bytes(JSONStyle(isSpaced: true, escapesDelete: false))
    #expect(String(decoding: raw, as: UTF8.self) == "{\"a\": [1, \"\u{7F}\"], \"b\": [0.5, 1.0]}")
  }
}
