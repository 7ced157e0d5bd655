import Tensors
import TestSupport
import Testing

@testable import Imaging
@testable import NumpyFormat

@Suite struct NumpyFileTests {
  private func npy(_ header: String, values: Int = 6, version: [UInt8] = [1, 0], length: Int? = nil) -> [UInt8] {
    let count = length ?? header.utf8.count
    let field = (0..<(version[0] == 1 ? 2 : 4)).map { UInt8(count >> (8 * $0) & 255) }
    let data = (0..<values).flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian) { Array($0) } }
    return NumpyFile.magic + version + field + Array(header.utf8) + data
  }

  private func read(_ bytes: [UInt8]) throws -> Tensor {
    let directory = try TemporaryDirectory()
    let path = try directory.file("a.npy", bytes)
    return try onSmallStack { try NumpyFile.read(path: path) }
  }

  private func header(_ shape: String = "(1, 2, 3)", type: String = "'<f4'", order: String = "False") -> String {
    "{'descr': \(type), 'fortran_order': \(order), 'shape': \(shape), }          \n"
  }

  @Test func readsEveryVersion() throws {
    for version: [UInt8] in [[1, 0], [2, 0], [3, 0]] {
      let tensor = try read(npy(header(), version: version))
      #expect(tensor.shape == [1, 2, 3] && tensor.floats() == [0, 1, 2, 3, 4, 5])
    }
    #expect(try read(npy(header("(6,)"))).shape == [6])
    #expect(try read(npy(header("()"), values: 1)).shape == [])
    #expect(try read(npy(header("(0, 4)"), values: 0)).shape == [0, 4])
    #expect(try read(npy("{\"shape\":(6,),\"descr\":\"<f4\",\"fortran_order\":False}")).shape == [6])
  }

  @Test func readsFortranOrder() throws {
    let matrix = try read(npy(header("(2, 3)", order: "True")))
    #expect(matrix.shape == [2, 3] && matrix.floats() == [0, 2, 4, 1, 3, 5])
    let cube = try read(npy(header("(2, 1, 3)", order: "True")))
    #expect(cube.shape == [2, 1, 3] && cube.floats() == [0, 2, 4, 1, 3, 5])
    #expect(try read(npy(header("(6,)", order: "True"))).floats() == [0, 1, 2, 3, 4, 5])
    #expect(try read(npy(header("()", order: "True"), values: 1)).shape == [])
    #expect(try read(npy(header("(0, 4)", order: "True"), values: 0)).shape == [0, 4])
  }

  @Test func roundTripsUnclampedValues() throws {
    let directory = try TemporaryDirectory()
    let values: [Float] = [-1, 2, .nan, .infinity, -0.0, .leastNonzeroMagnitude]
    for shape in [[1, 2, 3], [6], [6, 1]] {
      try NumpyFile.write(Tensor(shape: shape, floats: values), to: directory.path("a.npy"))
      let tensor = try NumpyFile.read(path: directory.path("a.npy"))
      #expect(tensor.shape == shape && tensor.floats().map(\.bitPattern) == values.map(\.bitPattern))
    }
    #expect(try bytes(ofFile: directory.path("a.npy")).count == 128 + 24)
    #expect(try directory.contents() == ["a.npy"])
  }

  @Test func refusesWhatItDoesNotRead() {
    let refuse = { (label: String, bytes: [UInt8], code: String, limit: String?) in
      expectRefusal(label, code, limit: limit) { _ = try read(bytes) }
    }
    for type in ["'<f8'", "'>f4'", "'|u1'", "'<f2'", "'|O'", "[('a', '<f4')]"] {
      refuse(type, npy(header(type: type)), "npy.unsupported-dtype", nil)
    }
    refuse("short", npy(header(), values: 5), "npy.size-mismatch", nil)
    refuse("long", npy(header(), values: 7), "npy.size-mismatch", nil)
    refuse("empty", [], "npy.not-npy", nil)
    refuse("text", Array("hello, world, again".utf8), "npy.not-npy", nil)
    refuse("version", npy(header(), version: [4, 0]), "npy.version", nil)
    refuse("cut header", npy(header(), values: 0, length: 60_000), "npy.header", nil)
    refuse("long header", npy(header(), version: [2, 0], length: 1 << 24), "limit.exceeded", "max_npy_header")
    refuse("product", npy(header("(1099511627776, 1099511627776)")), "size.overflow", nil)
    refuse("dimension", npy(header("(1099511627777,)")), "limit.exceeded", "max_dimension")
    refuse("rank", npy(header("(1, 1, 1, 1, 1, 1, 1, 1, 6)")), "limit.exceeded", "max_rank")
  }

  @Test func refusesMalformedHeaders() {
    let shapes = ["(-1,)", "(6)", "6", "(6.0,)", "(6L,)", "(,)", "(9223372036854775808,)", "[6]", "(6", "(((((("]
    var headers = shapes.map { header($0) }
    headers += [header(order: "0"), header(order: ""), header(type: "<f4"), header() + "x", "", "{", "{}", "{'descr'}"]
    headers.append("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}")
    headers.append("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'shape': (6,)}")
    headers.append("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (6,)}")
    headers.append("{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': (6,)}")
    for header in headers { expectRefusal(header, "npy.header") { _ = try read(npy(header)) } }
  }

  @Test func everyChangedByteOfTheHeaderIsHeld() throws {
    let directory = try TemporaryDirectory()
    let good = npy(header())
    var refused = 0
    for index in 0..<good.count - 24 {
      for change: UInt8 in [0x01, 0x20, 0x80, 0xFF] {
        var copy = good
        copy[index] ^= change
        let path = try directory.file("a.npy", copy)
        do { _ = try NumpyFile.read(path: path) } catch is EVSSMError { refused += 1 }
      }
    }
    #expect(refused > 3 * (good.count - 24))
  }
}
