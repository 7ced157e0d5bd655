import Tensors
import TestSupport
import Testing

@testable import Imaging

/// The entries of group I of the catalogue of hostile inputs that are about PNG.
@Suite struct HostilePNGTests {
  typealias B = PNGBuilder

  private func sized(_ width: UInt32, _ height: UInt32, depth: UInt8 = 8, colour: UInt8 = 2) -> [UInt8] {
    B.file(B.chunk("IHDR", B.header(width, height, depth: depth, colour: colour)), B.smallData, B.end)
  }

  @Test func I01_sizes() {
    refuse("I01 wide", sized(1 << 31 - 1, 1), "limit.exceeded", limit: "max_picture_side")
    refuse("I01 high", sized(1, 1 << 31 - 1), "limit.exceeded", limit: "max_picture_side")
    refuse("I01 2^32 - 1", sized(.max, .max), "limit.exceeded", limit: "max_picture_side")
    refuse("I01 1 bit", sized(65_535, 65_535, depth: 1, colour: 0), "limit.exceeded", limit: "max_picture_side")
    refuse("I01 pixels", sized(32_768, 32_768, depth: 1, colour: 0), "limit.exceeded", limit: "max_picture_pixels")
    refuse("I01 data", sized(8000, 8000), "png.data-too-short")
  }

  /// The checksums, which nobody looks at, are not computed.
  @Test(arguments: ["zTXt", "iTXt", "iCCP", "eXIf", "tEXt", "prVt"])
  func I02_ancillaryChunks(_ type: String) throws {
    let body = [UInt8](repeating: 7, count: 1 << 20)
    #expect(try decode(B.small(before: B.chunk(type, body, crc: 0))).rgb == B.smallRGB)
    refuse(
      "I02 \(type)", B.small(before: B.chunk(type, body + [7], crc: 0)), "limit.exceeded",
      limit: "max_png_ancillary_chunk")
  }

  @Test func I03_manyChunks() throws {
    let chunk = B.chunk("prVt")
    var many: [UInt8] = []
    many.reserveCapacity(chunk.count * 1_000_000)
    for _ in 0..<1_000_000 { many += chunk }
    #expect(try decode(B.small(before: many)).rgb == B.smallRGB)
  }

  @Test func I04_checksums() throws {
    let colours = B.chunk("PLTE", [1, 2, 3])
    let palette = B.chunk("IHDR", B.header(1, 1, colour: 3))
    let data = B.data([[0]])
    refuse("I04 IHDR", B.file(B.chunk("IHDR", B.header(2, 2), badCRC: true), B.smallData, B.end), "png.malformed")
    refuse("I04 PLTE", B.file(palette, B.chunk("PLTE", [1, 2, 3], badCRC: true), data, B.end), "png.malformed")
    refuse("I04 tRNS", B.file(palette, colours, B.chunk("tRNS", [9], badCRC: true), data, B.end), "png.crc")
    let lines = B.zlib(B.rows([Array(B.smallRGB[..<6]), Array(B.smallRGB[6...])]))
    refuse("I04 IDAT", B.file(B.smallHeader, B.chunk("IDAT", lines, badCRC: true), B.end), "png.malformed")
    refuse("I04 IEND", B.file(B.smallHeader, B.smallData, B.chunk("IEND", badCRC: true)), "png.crc")
    #expect(try decode(B.small(before: B.chunk("tEXt", [1], badCRC: true))).rgb == B.smallRGB)
    let turned = B.chunk("eXIf", EXIFBuilder.block(orientation: 3), badCRC: true)
    #expect(try decode(B.small(before: turned)).rgb == B.smallRGB)
  }

  @Test func I05_lengths() {
    for length: UInt32 in [1 << 31, .max, 1 << 31 - 1, 1000, 100] {
      refuse("I05 \(length)", B.small(before: B.chunk("tEXt", [], length: length)), "png.truncated")
    }
    let whole = B.small()
    for end in 8..<whole.count { refuse("I05 cut at \(end)", Array(whole[..<end]), "png.truncated") }
    refuse("I05 type", B.small(before: B.chunk("t\0xt")), "png.chunk-type")
  }

  @Test func I06_header() {
    refuse("I06 missing", B.file(B.smallData, B.end), "png.chunk-order")
    refuse("I06 late", B.file(B.chunk("tEXt"), B.smallHeader, B.smallData, B.end), "png.chunk-order")
    refuse("I06 twice", B.file(B.smallHeader, B.smallHeader, B.smallData, B.end), "png.critical-chunk")
    refuse("I06 short", B.file(B.chunk("IHDR", [0, 0, 0, 1]), B.smallData, B.end), "png.header")
    let wrong: [(UInt8, UInt8, [UInt8])] = [
      (3, 0, [0, 0, 0]), (8, 5, [0, 0, 0]), (8, 1, [0, 0, 0]), (4, 2, [0, 0, 0]), (16, 3, [0, 0, 0]),
      (0, 0, [0, 0, 0]),
      (8, 2, [1, 0, 0]), (8, 2, [0, 64, 0]), (8, 2, [0, 0, 2]),
    ]
    for (depth, colour, methods) in wrong {
      let header = B.chunk("IHDR", B.header(2, 2, depth: depth, colour: colour, methods: methods))
      refuse("I06 \(depth) \(colour) \(methods)", B.file(header, B.smallData, B.end), "png.header")
    }
    refuse("I06 0 wide", sized(0, 2), "picture.empty")
    refuse("I06 0 high", sized(2, 0), "picture.empty")
  }

  @Test func I07_palette() {
    let header = B.chunk("IHDR", B.header(1, 1, colour: 3))
    let (colour, data) = (B.chunk("PLTE", [1, 2, 3]), B.data([[0]]))
    refuse("I07 missing", B.file(header, data, B.end), "png.missing-chunk")
    refuse("I07 257", B.file(header, B.chunk("PLTE", [UInt8](repeating: 0, count: 771)), data, B.end), "png.palette")
    refuse("I07 empty", B.file(header, B.chunk("PLTE"), data, B.end), "png.palette")
    refuse("I07 not a multiple of 3", B.file(header, B.chunk("PLTE", [1, 2]), data, B.end), "png.palette")
    refuse("I07 late", B.file(header, data, colour, B.end), "png.chunk-order")
    refuse("I07 twice", B.file(header, colour, colour, data, B.end), "png.chunk-order")
    refuse("I07 tRNS long", B.file(header, colour, B.chunk("tRNS", [1, 2]), data, B.end), "png.transparency")
    refuse("I07 tRNS empty", B.file(header, colour, B.chunk("tRNS"), data, B.end), "png.transparency")
    refuse("I07 tRNS first", B.file(header, B.chunk("tRNS", [1]), colour, data, B.end), "png.transparency")
    refuse("I07 tRNS late", B.file(header, colour, data, B.chunk("tRNS", [1]), B.end), "png.transparency")
    let grey = B.chunk("IHDR", B.header(1, 1, colour: 0))
    refuse("I07 grey", B.file(grey, colour, data, B.end), "png.chunk-order")
    let two = B.chunk("IHDR", B.header(1, 1, depth: 1, colour: 3))
    refuse("I07 1 bit", B.file(two, B.chunk("PLTE", [UInt8](repeating: 0, count: 9)), data, B.end), "png.palette")
    refuse("I07 unknown critical", B.small(before: B.chunk("ABCD")), "png.critical-chunk")
  }

  @Test func I08_data() throws {
    let raw = B.rows([Array(B.smallRGB[..<6]), Array(B.smallRGB[6...])])
    let stream = B.zlib(raw)
    let data = { (bytes: [UInt8]) in B.file(B.smallHeader, B.chunk("IDAT", bytes), B.end) }
    for end in 1..<stream.count - 4 { refuse("I08 cut at \(end)", data(Array(stream[..<end])), "png.malformed") }
    refuse("I08 garbage", data([UInt8](repeating: 0xA5, count: 64)), "png.malformed")
    refuse("I08 empty", data([]), "png.malformed")
    refuse("I08 window", data([0xF8, 0x01 + 0x1E] + stream[2...]), "png.malformed")
    refuse("I08 Adler", data(B.zlib(raw, adlerChange: 1)), "png.malformed")
    refuse("I08 rows over", data(B.zlib(raw + [0])), "png.malformed")
    refuse("I08 rows under", data(B.zlib(Array(raw.dropLast()))), "png.malformed")
    refuse("I08 bytes after the stream", data(stream + [0, 0, 0]), "png.malformed")
    refuse("I08 filter", data(B.zlib([5] + raw[1...])), "png.malformed")
    refuse("I08 missing", B.file(B.smallHeader, B.end), "png.missing-chunk")
    refuse("I08 apart", B.file(B.smallHeader, B.smallData, B.chunk("tEXt"), B.smallData, B.end), "png.chunk-order")
    let split = B.chunk("IDAT") + stream.flatMap { B.chunk("IDAT", [$0]) + B.chunk("IDAT") }
    #expect(try decode(B.file(B.smallHeader, split, B.end)).rgb == B.smallRGB)
  }

  @Test func I12_bytesAfterTheEnd() throws {
    let picture = try decode(B.small() + [UInt8](repeating: 0xFF, count: 100_000))
    #expect(picture.rgb == B.smallRGB && picture.notes == [.trailingBytesIgnored])
  }

  @Test func I20_contentDecides() throws {
    let directory = try TemporaryDirectory()
    let jpeg = try Picture(width: 2, height: 2, rgb: B.smallRGB).encoded(as: .jpeg)
    let path = try directory.file("lie.jpg", B.small(after: []) + jpeg)
    #expect(try Picture.read(path: path).rgb == B.smallRGB)
    let other = try directory.file("lie.png", jpeg + B.small())
    #expect(try PictureInfo.read(path: other).format == .jpeg)
    #expect(try Picture.read(path: other).notes == [.trailingBytesIgnored])
    for (bytes, name) in [
      ("GIF89a", "GIF"), ("RIFF\0\0\0\0WEBPVP8 ", "WebP"), ("<svg", "no picture"), ("", "no picture"),
    ] {
      refuse("I20 \(name)", Array(bytes.utf8), "picture.unknown-format")
    }
  }

  @Test func everyChangedByteIsHeld() throws {
    let header = B.chunk("IHDR", B.header(3, 1, depth: 2, colour: 3))
    let palette =
      B.chunk("PLTE", [1, 2, 3, 4, 5, 6]) + B.chunk("tRNS", [1]) + B.chunk("eXIf", EXIFBuilder.block(orientation: 6))
    let good = B.file(header, palette, B.data([[0b0001_0000]]), B.end)
    var refused = 0
    for index in good.indices {
      for change: UInt8 in [0x01, 0x20, 0x80, 0xFF] {
        var copy = good
        copy[index] ^= change
        do { _ = try Picture(bytes: copy) } catch is EVSSMError { refused += 1 }
      }
    }
    #expect(refused > 2 * good.count)
  }

  /// As above with the checksum of the header made right again, so that the decoder sees the change.
  @Test func everyHeaderIsHeld() throws {
    for index in 0..<13 {
      for value in UInt8.min...UInt8.max {
        var body = B.header(2, 2)
        body[index] = value
        let bytes = B.file(B.chunk("IHDR", body), B.smallData, B.end)
        do { _ = try Picture(bytes: bytes) } catch is EVSSMError { continue }
      }
    }
  }
}
