import Tensors
import TestSupport
import Testing

@testable import SafetensorsFormat

/// Entries S01 to S25 of the catalogue of hostile inputs.
@Suite struct HostileHeaderTests {
  @Test func lengthField() {
    refuse("S01 empty", [], "safetensors.truncated")
    refuse("S01 seven bytes", [UInt8](repeating: 0, count: 7), "safetensors.truncated")
    refuse("S02 zero", safetensors("{}", length: 0), "safetensors.header-length")
    refuse("S02 one", safetensors("{}", length: 1), "safetensors.header-length")
    refuse("S02 2^63", safetensors("{}", length: 1 << 63), "size.overflow")
    refuse("S02 2^63 - 1", safetensors("{}", length: 1 << 63 - 1), "limit.exceeded", limit: "max_safetensors_header")
    refuse("S02 over 100 MB", safetensors("{}", length: 100_000_001), "limit.exceeded", limit: "max_safetensors_header")
    refuse("S02 over the file", safetensors("{}", length: 3), "safetensors.header-length")
  }

  @Test(arguments: [
    "[]", "[1]", "NaN", "null", "{ ", "{]", "{}}", "{} x", "\"a\"", "{\"a\"}", "{\"a\":1,}", "{,}", "{'a':1}",
  ])
  func S03_notAnObject(_ header: String) { refuse("S03 \(header)", safetensors(header), "json.syntax") }

  @Test func S03_strings() {
    for (what, text) in [
      ("raw newline", "\n"), ("unknown escape", "\\x"), ("half a pair", "\\ud800"), ("low first", "\\udc00\\ud800"),
      ("high twice", "\\ud800\\ud800"), ("short escape", "\\u12"), ("open", "\\"),
    ] { refuse("S03 \(what)", safetensors("{\"\(text)\":{}}"), "json.syntax") }
    for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] {
      refuse("S03 \(bytes)", safetensors(Array("{\"".utf8) + bytes + Array("\":{}}".utf8)), "json.syntax")
    }
    refuse("S03 byte-order mark", safetensors("\u{FEFF}{}"), "json.syntax")
  }

  @Test func S04_deepJSON() {
    refuse("S04 arrays", file("\"a\":" + String(repeating: "[", count: 5000)), "json.syntax")
    refuse("S04 objects", file(String(repeating: "\"a\":{", count: 5000)), "safetensors.unknown-field")
    refuse("S04 shape", file(entry(shape: String(repeating: "[", count: 5000))), "json.syntax")
  }

  @Test func duplicates() {
    refuse("S05", file(entry() + "," + entry()), "safetensors.duplicate-name")
    refuse("S05 escaped", file(entry() + "," + entry("\\u0061")), "safetensors.duplicate-name")
    for field in ["\"dtype\":\"F32\"", "\"shape\":[4]", "\"data_offsets\":[0,16]"] {
      let member = "\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\(field)}"
      refuse("S06 \(field)", file(member), "safetensors.duplicate-field")
    }
    let twice = "\"__metadata__\":{},\"__metadata__\":{}"
    refuse("S21 __metadata__ twice", safetensors("{\(twice)}"), "safetensors.duplicate-name")
    refuse(
      "S21 key twice", safetensors("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), "safetensors.duplicate-metadata")
  }

  @Test func coverageOfTheData() {
    let second = { entry("b", offsets: $0) }
    refuse("S07 same bytes", file(entry() + "," + second("[0,16]")), "safetensors.overlap")
    refuse("S07 partial", file(entry() + "," + second("[8,24]"), data: 24), "safetensors.overlap")
    refuse("S08 between", file(entry() + "," + second("[20,36]"), data: 36), "safetensors.hole")
    refuse("S08 before", file(entry(offsets: "[4,20]"), data: 20), "safetensors.hole")
    refuse("S09", file(entry(), data: 17), "safetensors.trailing-bytes")
    refuse("S09 no tensor", safetensors("{}", data: 1), "safetensors.trailing-bytes")
    refuse("S10", file(entry(), data: 15), "safetensors.truncated")
    refuse("S11", file(entry(offsets: "[16,0]")), "safetensors.size-mismatch")
    let empty = { entry("b", shape: "[0]", offsets: $0) }
    refuse("S20 inside another", file(entry() + "," + empty("[8,8]")), "safetensors.overlap")
  }

  @Test(arguments: [
    "[-1,16]", "[0.0,16]", "[0,16.5]", "[0,1e1]", "[\"0\",16]", "[null,16]", "[00,16]", "[0,+16]", "[0,]", "0",
  ])
  func S12_offsets(_ offsets: String) { refuse("S12 \(offsets)", file(entry(offsets: offsets)), "json.syntax") }

  @Test func numbersAndSizes() {
    refuse("S12 2^64", file(entry(offsets: "[0,18446744073709551616]")), "size.overflow")
    refuse("S12 2^63", file(entry(offsets: "[0,9223372036854775808]")), "size.overflow")
    refuse("S12 one offset", file(entry(offsets: "[0]")), "safetensors.missing-field")
    refuse("S12 three", file(entry(offsets: "[0,16,32]")), "limit.exceeded", limit: "safetensors_data_offsets")
    let wrapped = "[1099511627776,1099511627776]"
    refuse("S13", file(entry(shape: wrapped, offsets: "[0,0]")), "size.overflow")
    refuse(
      "S13 hidden by a zero", file(entry(shape: "[1099511627776,1099511627776,0]", offsets: "[0,0]")), "size.overflow")
    refuse("S13 by element", file(entry(dtype: "F64", shape: "[1099511627776,1048576,1]")), "size.overflow")
    refuse("S13 dimension", file(entry(shape: "[1099511627777]")), "limit.exceeded", limit: "max_dimension")
    refuse("S14 short", file(entry(shape: "[3]")), "safetensors.size-mismatch")
    refuse("S14 long", file(entry(shape: "[5]")), "safetensors.size-mismatch")
    let ones = "[" + [String](repeating: "1", count: 10_001).joined(separator: ",") + "]"
    refuse("S18", file(entry(shape: ones, offsets: "[0,4]"), data: 4), "limit.exceeded", limit: "max_rank")
  }

  @Test func types() {
    for name in ["f32", "float32", "", "F33", "F32 "] {
      refuse("S15 \(name)", file(entry(dtype: name)), "safetensors.bad-dtype")
    }
    for name in ["F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E8M0", "C64"] {
      refuse("S25 \(name)", file(entry(dtype: name)), "safetensors.unsupported-dtype")
    }
    refuse("S16 dtype", file("\"a\":{\"shape\":[4],\"data_offsets\":[0,16]}"), "safetensors.missing-field")
    refuse("S16 shape", file("\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}"), "safetensors.missing-field")
    refuse("S16 offsets", file("\"a\":{\"dtype\":\"F32\",\"shape\":[4]}"), "safetensors.missing-field")
    refuse("S16 all", file("\"a\":{}"), "safetensors.missing-field")
    let extra = "\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"strides\":[1]}"
    refuse("S17", file(extra), "safetensors.unknown-field")
  }

  @Test func S19_manyEntries() throws {
    let hundredThousand = (0..<100_000).map { entry(String($0), shape: "[0]", offsets: "[0,0]") }.joined(separator: ",")
    #expect(try read(safetensors("{\(hundredThousand)}")).catalogue.count == 100_000)
    let member = entry("x", shape: "[0]", offsets: "[0,0]").dropFirst(2)
    let million = (0..<1_000_000).map { "\"\($0)\(member)" }.joined(separator: ",")
    refuse("S19 million", safetensors("{\(million)}"), "limit.exceeded", limit: "max_tensor_count")
  }

  @Test func S21_metadata() throws {
    for value in ["1", "null", "[]", "{}", "true"] {
      refuse("S21 \(value)", safetensors("{\"__metadata__\":{\"k\":\(value)}}"), "json.syntax")
    }
    refuse("S21 no object", safetensors("{\"__metadata__\":\"x\"}"), "json.syntax")
    let long = String(repeating: "m", count: 50_000_000)
    #expect(try read(safetensors("{\"__metadata__\":{\"k\":\"\(long)\"}}")).metadata["k"]?.utf8.count == 50_000_000)
  }

  @Test func S22_names() throws {
    let megabyte = String(repeating: "n", count: 1 << 20)
    refuse("S22 1 MiB", file(entry(megabyte)), "limit.exceeded", limit: "max_tensor_name")
    for name in [
      "../../x", "a/../x", "/etc/x", "a\\\\..\\\\x", "a\\u0000b", "", "a\\u202eb", "a\\u2066b", "a\\nb", "a\\u001bb",
    ] {
      refuse("S22 \(name)", file(entry(name)), "tensor-name.unsafe")
    }
    for name in ["module.weight", "ü.重み", "a..b", String(repeating: "n", count: 512)] {
      #expect(try read(file(entry(name))).catalogue.names == [name], "S22 \(name)")
    }
  }

  @Test func everyChangedByteOfTheHeaderIsHeld() throws {
    let metadata = "\"__metadata__\":{\"a\\u00e9\":\"\\\"\"}"
    let good = file(entry() + "," + entry("b", dtype: "BF16", shape: "[2,0]", offsets: "[16,16]") + "," + metadata)
    var refused = 0
    let directory = try TemporaryDirectory()
    for index in 0..<good.count - 16 {
      for change: UInt8 in [0x01, 0x20, 0x80, 0xFF] {
        var copy = good
        copy[index] ^= change
        let path = try directory.file("model.safetensors", copy)
        do { _ = try SafetensorsFile.read(path: path) } catch is EVSSMError { refused += 1 }
      }
    }
    #expect(refused > 2 * good.count)
  }
}
