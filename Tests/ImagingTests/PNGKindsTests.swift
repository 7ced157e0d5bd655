import TestSupport
import Testing

@testable import Imaging

/// Every kind of PNG sample, against values computed here.
@Suite struct PNGKindsTests {
  typealias B = PNGBuilder

  private func read(depth: UInt8, colour: UInt8, _ lines: [[UInt8]], width: UInt32, before: [UInt8] = []) throws
    -> Picture
  {
    let header = B.chunk("IHDR", B.header(width, UInt32(lines.count), depth: depth, colour: colour))
    return try decode(B.file(header, before, B.data(lines), B.end))
  }

  private func grey(_ values: [UInt8]) -> [UInt8] { values.flatMap { [$0, $0, $0] } }

  @Test func I23_grey() throws {
    let one = try read(depth: 1, colour: 0, [[0b1010_0000]], width: 3)
    #expect(one.rgb == grey([255, 0, 255]) && one.notes == [.greyReplicated])
    #expect(try read(depth: 2, colour: 0, [[0b0001_1011]], width: 4).rgb == grey([0, 85, 170, 255]))
    #expect(try read(depth: 4, colour: 0, [[0x0F, 0x70]], width: 3).rgb == grey([0, 255, 119]))
    #expect(try read(depth: 8, colour: 0, [[0, 1, 128, 255]], width: 4).rgb == grey([0, 1, 128, 255]))
    let wide = try read(depth: 16, colour: 0, [[0x12, 0x34, 0xFF, 0xFE]], width: 2)
    #expect(wide.samples == .sixteenBit([0x1234, 0x1234, 0x1234, 0xFFFE, 0xFFFE, 0xFFFE]))
  }

  @Test func I23_alpha() throws {
    let colour = try read(depth: 8, colour: 6, [[10, 20, 30, 0, 40, 50, 60, 128]], width: 2)
    #expect(colour.rgb == [10, 20, 30, 40, 50, 60] && colour.alpha == [0, 128])
    let opaque = try read(depth: 8, colour: 6, [[10, 20, 30, 255]], width: 1)
    #expect(opaque.rgb == [10, 20, 30] && opaque.alpha == nil && opaque.notes == [.opaqueAlphaDropped])
    let greyAlpha = try read(depth: 8, colour: 4, [[9, 1]], width: 1)
    #expect(greyAlpha.rgb == [9, 9, 9] && greyAlpha.alpha == [1])
    let key = try read(
      depth: 8, colour: 2, [[1, 2, 3, 4, 5, 6]], width: 2, before: B.chunk("tRNS", [0, 1, 0, 2, 0, 3]))
    #expect(key.rgb == [1, 2, 3, 4, 5, 6] && key.alpha == [0, 255])
  }

  @Test func I09_sixteenBits() throws {
    let words: [UInt16] = [0, 1, 255, 256, 32_767, 65_535]
    let line = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    let picture = try read(depth: 16, colour: 2, [line], width: 2)
    #expect(picture.samples == .sixteenBit(words))
    #expect(picture.rgb == [0, 0, 1, 1, 127, 255])
    #expect(picture.planes() == [0, 3, 1, 4, 2, 5].map { Float(words[$0]) / 65_535 })
    let opaque = try read(depth: 16, colour: 6, [Array(line[..<6]) + [255, 255]], width: 1)
    #expect(opaque.samples == .sixteenBit([0, 1, 255]) && opaque.alpha == nil)
    expectRefusal("I23 transparent", "png.sixteen-bit-alpha") {
      _ = try read(depth: 16, colour: 6, [Array(line[..<6]) + [255, 254]], width: 1)
    }
  }

  @Test func I09_interlacedSixteenBits() throws {
    let header = B.chunk("IHDR", B.header(19, 11, depth: 16, colour: 2, methods: [0, 0, 1]))
    let data = B.interlaced(19, 11) { x, y in [UInt8(x), UInt8(y), UInt8(x * y), 1, 2, UInt8(x + y)] }
    let picture = try decode(B.file(header, data, B.end))
    var expected: [UInt16] = []
    for y in 0..<11 {
      for x in 0..<19 { expected += [UInt16(x * 256 + y), UInt16((x * y) * 256 + 1), UInt16(512 + x + y)] }
    }
    #expect(picture.samples == .sixteenBit(expected))
  }

  @Test func I10_paletteWithTransparencyAndGamma() throws {
    let palette = B.chunk("PLTE", [1, 2, 3, 4, 5, 6, 7, 8, 9]) + B.chunk("tRNS", [128, 0])
    let gamma = B.chunk("gAMA", [0, 1, 0x86, 0xA0])
    let picture = try read(depth: 2, colour: 3, [[0b0001_1000]], width: 3, before: gamma + palette)
    #expect(picture.rgb == [1, 2, 3, 4, 5, 6, 7, 8, 9] && picture.alpha == [128, 0, 255])
    #expect(picture.notes == [.paletteExpanded, .colourProfileNotApplied])
    let beyond = try read(depth: 8, colour: 3, [[2, 200]], width: 2, before: palette)
    #expect(beyond.width == 2)
  }

  @Test func I11_interlacedAndAnimated() throws {
    for (width, height) in [(1, 1), (2, 3), (5, 5), (8, 8), (9, 17), (3, 1)] {
      let pixel = { (x: Int, y: Int) in [UInt8(10 * x), UInt8(10 * y), UInt8(x ^ y)] }
      let header = B.chunk("IHDR", B.header(UInt32(width), UInt32(height), methods: [0, 0, 1]))
      let picture = try decode(B.file(header, B.interlaced(width, height, pixel), B.end))
      #expect(picture.rgb == (0..<height).flatMap { y in (0..<width).flatMap { pixel($0, y) } })
    }
    let control = B.chunk("acTL", [0, 0, 0, 2, 0, 0, 0, 0])
    let frames =
      B.chunk("fcTL", [UInt8](repeating: 0, count: 26)) + B.chunk("fdAT", [UInt8](repeating: 0, count: 2 << 20), crc: 0)
    let animated = try decode(B.small(before: control, after: frames))
    #expect(animated.rgb == B.smallRGB && animated.notes == [.firstFrameOnly])
  }

  @Test func I24_profilesAreNotApplied() throws {
    for type in ["gAMA", "cHRM", "iCCP", "cICP"] {
      let picture = try decode(B.small(before: B.chunk(type, [0, 0, 0x10, 0])))
      #expect(picture.rgb == B.smallRGB && picture.notes == [.colourProfileNotApplied], "I24 \(type)")
    }
  }

  @Test(arguments: [(1, 1), (1, 97), (97, 1), (13, 17), (64, 3), (127, 31)])
  func I22_sizesRoundTrip(_ width: Int, _ height: Int) throws {
    let rgb = (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 5) }
    let alpha = (0..<width * height).map { UInt8(truncatingIfNeeded: $0 &* 11) }
    let plain = try Picture(width: width, height: height, rgb: rgb)
    #expect(try decode(plain.encoded(as: .png)) == plain)
    let transparent = try Picture(width: width, height: height, rgb: rgb, alpha: alpha)
    #expect(try decode(transparent.encoded(as: .png)) == transparent)
    #expect(try plain.encoded(as: .png) == plain.encoded(as: .png))
  }

  @Test func incompressiblePicturesFitTheBuffer() throws {
    var state: UInt64 = 1
    let rgb = (0..<3 * 211 * 199).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    let picture = try Picture(width: 211, height: 199, rgb: rgb)
    #expect(try decode(picture.encoded(as: .png)) == picture)
  }
}
