import Tensors
import Testing

@testable import InferenceServer

@Suite("Inference requests over REST")
struct InferRequestTests {
  private func read(_ text: String, tail: [UInt8] = [], headerLength: Int?? = .none) throws -> InferRequest {
    let bytes = Array(text.utf8) + tail
    let length = headerLength ?? (tail.isEmpty ? nil : text.utf8.count)
    return try bytes.withUnsafeBytes { try InferRequest(body: $0, headerLength: length) }
  }

  private func refuse(_ text: String, tail: [UInt8] = [], headerLength: Int?? = .none, _ comment: Comment? = nil) {
    let error = #expect(throws: ServingError.self, comment) {
      try read(text, tail: tail, headerLength: headerLength)
    }
    #expect([.invalid, .tooLarge].contains(error?.kind), comment)
    #expect((error?.message.utf8.count ?? 0) < 600, comment)
  }

  private func body(
    name: String = "\"input\"", shape: String = "[1,3,1,2]", datatype: String = "\"FP32\"",
    payload: String = "\"data\":[0,1,2,3,4,5]", more: String = ""
  ) -> String {
    "{\"inputs\":[{\"name\":\(name),\"shape\":\(shape),\"datatype\":\(datatype),\(payload)}]\(more)}"
  }

  @Test("are read: nested and flat data, with and without a batch, ids and parameters")
  func good() throws {
    #expect(try read(body()).planes == [0, 1, 2, 3, 4, 5])
    #expect(try read(body(payload: "\"data\":[[[[0,1]],[[2,3]],[[4,5]]]]")).planes == [0, 1, 2, 3, 4, 5])
    let request = try read(
      body(
        shape: "[3,1,2]", payload: "\"data\" : [ 1e-3 , -0, 0.10000000149011612,16777217, 3.4028235e38 ,1E-46]",
        more: ",\"id\":\"a\\u00e9\\ud83d\\ude00/\",\"parameters\":{\"priority\":1,\"timeout\":5,\"x\":\"y\"}"))
    #expect(request.planes == [1e-3, -0.0, 0.1, 16_777_216, .greatestFiniteMagnitude, 0])
    #expect(request.planes[1].sign == .minus)
    #expect(request.shape == [3, 1, 2])
    #expect(request.id == "aé😀/")
    #expect(request.parameters.priority == 1 && request.parameters.timeout == 5)
  }

  @Test("are read whatever else is in them")
  func surprises() throws {
    #expect(try read(body(more: ",\"model_name\":\"small\",\"x\":[1,{\"y\":null}]")).planes.count == 6)
  }

  @Test("are read with binary tensors")
  func binary() throws {
    let floats: [Float] = [0.5, -1, 2, 3, .nan, .infinity]
    let tail = floats.withUnsafeBytes { Array($0) }
    let request = try read(
      body(payload: "\"parameters\":{\"binary_data_size\":24}", more: ",\"parameters\":{\"binary_data_output\":true}"),
      tail: tail)
    #expect(request.planes.map(\.bitPattern) == floats.map(\.bitPattern))
    #expect(request.isOutputBinary)
    let other = try read(
      body(
        payload: "\"parameters\":{\"binary_data_size\":24}",
        more:
          ",\"parameters\":{\"binary_data_output\":true},\"outputs\":[{\"name\":\"output\",\"parameters\":{\"binary_data\":false}}]"
      ),
      tail: tail)
    #expect(!other.isOutputBinary)
  }

  @Test("with wrong sizes of the JSON or of the tensors are refused")
  func binarySizes() {
    let payload = "\"parameters\":{\"binary_data_size\":24}"
    let tail = [UInt8](repeating: 0, count: 24)
    for count in [23, 25, 0, 12] {
      refuse(body(payload: payload), tail: [UInt8](repeating: 0, count: count), "\(count) bytes")
    }
    for size in ["-24", "9223372036854775808", "\"24\"", "24.0", "2.4e1", "null", "0", "23", "true"] {
      refuse(body(payload: "\"parameters\":{\"binary_data_size\":\(size)}"), tail: tail, "\(size)")
    }
    refuse(body(payload: payload), tail: tail, headerLength: .some(0))
    refuse(body(payload: payload), tail: tail, headerLength: .some(99_999_999_999))
    refuse(body(payload: payload), tail: tail, headerLength: .some(20))
    refuse(body(payload: "\"data\":[0,1,2,3,4,5],\"parameters\":{\"binary_data_size\":24}"), tail: tail)
    refuse(body(), tail: [0])
    refuse(body(payload: "\"parameters\":{}"))
  }

  @Test(
    "with wrong shapes are refused",
    arguments: [
      "[2,3,1,1]", "[1,3,1,3]", "[1,1,3,2]", "[1,3,0,2]", "[1,3,-1,2]", "[-1,3,1,2]", "[]", "[6]", "null", "6", "\"x\"",
      "[1,3,1.0,2]", "[1,3,1e30,2]", "[1,3,\"1\",2]", "[1,[3],1,2]", "[16,1152921504606846978]",
      "[4,1152921504606846978]", "[1,3,9223372036854775807,2]", "[1,3,4611686018427387904,4611686018427387904]",
      "[1,3,18446744073709551617,2]", "{\"0\":1}", "[1,3,1073741824,1073741824]",
      "[" + Array(repeating: "1", count: 10_000).joined(separator: ",") + "]",
    ])
  func shapes(_ shape: String) { refuse(body(shape: shape)) }

  @Test(
    "with wrong data are refused",
    arguments: [
      "\"data\":[0,1,2,3,4]", "\"data\":[0,1,2,3,4,5,6]", "\"data\":[]", "\"data\":null", "\"data\":\"AAAA\"",
      "\"data\":[0,1,2,3,4,null]", "\"data\":[0,1,2,3,4,\"5\"]", "\"data\":[0,1,2,3,4,true]", "\"data\":[0,1,2,3,4,{}]",
      "\"data\":[0,1,2,3,4,NaN]", "\"data\":[0,1,2,3,4,Infinity]", "\"data\":[0,1,2,3,4,1e400]",
      "\"data\":[0,1,2,3,4,1e39]", "\"data\":[0,1,2,3,4,+5]", "\"data\":[0,1,2,3,4,05]", "\"data\":[0,1,2,3,4,.5]",
      "\"data\":[0,1,2,3,4,5.]", "\"data\":[0,1,2,3,4,5,]", "\"data\":[0,1,2,3,4,0x5]", "\"data\":[0 1 2 3 4 5]",
      "\"data\":0", "\"data\":[0,1,2,3,4,5", "\"data\":[0,1,2,3,4,5]]",
    ])
  func data(_ payload: String) { refuse(body(payload: payload)) }

  @Test("with long numbers are read, with endless ones refused")
  func longNumbers() throws {
    #expect(
      try read(body(payload: "\"data\":[12345678901234567890,1,2,3,4,0.\(String(repeating: "3", count: 400))]")).planes[
        0] == 1.2345679e19)
    refuse(body(payload: "\"data\":[0,1,2,3,4,0.\(String(repeating: "3", count: 4000))]"))
  }

  @Test(
    "with wrong names, types and members are refused",
    arguments: [
      ("\"Input\"", "\"FP32\""), ("\"\"", "\"FP32\""), ("3", "\"FP32\""), ("\"input\"", "\"fp32\""),
      ("\"input\"", "\"FP16\""), ("\"input\"", "\"BF16\""), ("\"input\"", "\"BYTES\""), ("\"input\"", "\"UINT8\""),
      ("\"input\"", "null"), ("\"input\"", "7"), ("\"in\\u0000put\"", "\"FP32\""),
    ])
  func names(_ name: String, _ datatype: String) { refuse(body(name: name, datatype: datatype)) }

  @Test(
    "of another structure are refused",
    arguments: [
      "", " ", "{}", "[]", "null", "7", "\"x\"", "{\"inputs\":[]}", "{\"inputs\":null}", "{\"inputs\":{}}",
      "{\"inputs\":[1]}", "{\"inputs\":[{}]}", "{\"inputs\":[{},{}]}", "{", "{\"inputs\"",
      "{\"inputs\":[{\"name\":\"input\"",
      "\u{FEFF}{}", "{\"a\":1,\"a\":1}", "{\"inputs\":[],\"inputs\":[]}", "{'inputs':[]}", "{\"x\":tru}", "{}{}",
      "{\"x\":1}",
      "{\"x\":\"\\ud800\"}", "{\"x\":\"\\q\"}", "{\"x\":\"\\u00g0\"}", "{\"x\":\"\u{1}\"}", "// {}",
    ])
  func structure(_ text: String) { refuse(text) }

  @Test(
    "with wrong ids, parameters and outputs are refused",
    arguments: [
      "\"id\":7", "\"id\":null", "\"id\":\"a\\nb\"", "\"id\":\"a\\u0000\"", "\"parameters\":[]", "\"parameters\":null",
      "\"parameters\":{\"a\":[]}", "\"parameters\":{\"a\":{}}", "\"parameters\":{\"a\":null}",
      "\"parameters\":{\"timeout\":-1}", "\"parameters\":{\"timeout\":\"1\"}", "\"parameters\":{\"timeout\":1.5}",
      "\"parameters\":{\"timeout\":18446744073709551616}", "\"parameters\":{\"priority\":18446744073709551616}",
      "\"parameters\":{\"priority\":\"high\"}", "\"parameters\":{\"binary_data_output\":1}",
      "\"parameters\":{\"sequence_id\":1}", "\"outputs\":{}", "\"outputs\":[{\"name\":\"other\"}]", "\"outputs\":[{}]",
      "\"outputs\":[{\"name\":\"output\"},{\"name\":\"output\"}]",
      "\"outputs\":[{\"name\":\"output\",\"parameters\":{\"classification\":3}}]",
      "\"outputs\":[{\"name\":\"output\",\"parameters\":{\"binary_data\":\"yes\"}}]",
    ])
  func members(_ member: String) { refuse(body(more: "," + member)) }

  @Test("with endless ids, deep nesting, many values or text that is not UTF-8 are refused")
  func bounds() throws {
    refuse(body(more: ",\"id\":\"\(String(repeating: "x", count: 1 << 20))\""))
    for depth in [65, 100, 120, 250_000] {
      refuse(body(more: ",\"parameters\":" + String(repeating: "[", count: depth)), "\(depth)")
      refuse(body(payload: "\"data\":" + String(repeating: "[", count: depth)), "\(depth)")
      refuse(body(more: ",\"parameters\":" + String(repeating: "{\"a\":", count: depth)), "\(depth)")
    }
    refuse("{\"inputs\":[" + String(repeating: "{},", count: 1 << 20) + "{}]}")
    let bad = Array("{\"id\":\"".utf8) + [0xC0, 0xAF] + Array("\"}".utf8)
    #expect(throws: ServingError.self) { try bad.withUnsafeBytes { try InferRequest(body: $0, headerLength: nil) } }
    let wide = Array(body().utf16).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(0)] as [UInt8] }
    #expect(throws: ServingError.self) { try wide.withUnsafeBytes { try InferRequest(body: $0, headerLength: nil) } }
  }

  @Test("are read within small stacks and with any prefix cut off")
  func truncation() {
    let text = Array(body(more: ",\"id\":\"x\",\"parameters\":{\"a\":\"\\u0041\"}").utf8)
    for count in 0..<text.count {
      #expect(throws: ServingError.self) {
        try Array(text[..<count]).withUnsafeBytes { try InferRequest(body: $0, headerLength: nil) }
      }
    }
  }

  @Test("are answered in the shape they had, with floats that read back the same")
  func answers() throws {
    var response = InferResponse(
      modelName: "a", modelVersion: 2, id: "q\"\n", shape: [1, 3, 1, 1], planes: [0.1, -1e-20, 16_777_216])
    let (json, length) = try response.body(isBinary: false)
    #expect(length == nil)
    let text = String(decoding: json, as: UTF8.self)
    #expect(
      text == """
        {"model_name":"a","model_version":"2","id":"q\\"\\u000a","outputs":[{"name":"output","datatype":"FP32",\
        "shape":[1,3,1,1],"data":[0.1,-1e-20,16777216.0]}]}
        """)
    let (binary, headerLength) = try response.body(isBinary: true)
    #expect(binary.count == (headerLength ?? 0) + 12)
    response.planes[0] = .nan
    #expect(throws: ServingError.self) { try response.body(isBinary: false) }
  }
}
