import JSON
import ModelCompiler
import Testing

@testable import evssm

@Suite("Text of the tool")
struct TextTests {
  @Test("JSON escapes what it must and has no infinities")
  func json() {
    let value: JSONValue = [
      "a\"\\\n": ["\u{1}é😀", 3, true, nil], "empty": [:], "number": .number(0.5), "infinite": .number(.infinity),
    ]
    #expect(
      value.text == #"{"a\"\\\u000a": ["\u0001é😀", 3, true, null], "empty": {}, "number": 0.5, "infinite": null}"#)
  }

  @Test("tables align their columns and leave no spaces at the end")
  func table() {
    var table = TextTable([("step", .left), ("seconds", .right)])
    table.append("a", "1.5")
    table.append("longer", "10.25")
    #expect(table.lines() == ["step    seconds", "a           1.5", "longer    10.25"])
  }

  @Test("numbers are grouped and bytes have units")
  func numbers() {
    #expect(Format.grouped(0) == "0")
    #expect(Format.grouped(999) == "999")
    #expect(Format.grouped(17_129_472) == "17,129,472")
    #expect(Format.grouped(-1000) == "-1,000")
    #expect(Format.bytes(1023) == "1023 B")
    #expect(Format.bytes(1536) == "1.5 KiB")
    #expect(Format.bytes(3 << 30) == "3.0 GiB")
  }

  @Test(
    "sizes are two positive numbers",
    arguments: ["", "x", "1x", "x1", "1x2x3", "+1x2", "1.5x2", "0x5", "123456x5", "٣x٣"])
  func notSizes(_ text: String) { #expect(PictureSize(argument: text) == nil) }

  @Test("sizes are width, then height")
  func size() {
    #expect(PictureSize(argument: "1280x720") == PictureSize(width: 1280, height: 720))
    #expect(PictureSize(argument: "32X20")?.description == "32x20")
  }

  @Test("the progress bar fills up and escapes names")
  func progress() {
    #expect(ProgressBar.line(done: 1, total: 3, name: "a\u{1B}b") == "[##########....................] 1/3 a\\u{1b}b")
    #expect(ProgressBar.line(done: 3, total: 3, name: "").hasPrefix("[##############################] 3/3"))
  }

  @Test("the median of an even count is the mean of the middle two")
  func median() {
    #expect(Measurement.median([]) == 0)
    #expect(Measurement.median([3, 1, 2]) == 2)
    #expect(Measurement.median([4, 1, 2, 3]) == 2.5)
  }
}
