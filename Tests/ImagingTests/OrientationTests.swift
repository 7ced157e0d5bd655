import TestSupport
import Testing

@testable import Imaging

/// Entry I18 of the catalogue of hostile inputs, and the eight orientations.
@Suite struct OrientationTests {
  /// Where the upright pixel (x, y) of a stored picture of `width` by `height` is stored.
  private func stored(_ orientation: Int, _ x: Int, _ y: Int, _ width: Int, _ height: Int) -> (x: Int, y: Int) {
    switch orientation {
    case 2: (width - 1 - x, y)
    case 3: (width - 1 - x, height - 1 - y)
    case 4: (x, height - 1 - y)
    case 5: (y, x)
    case 6: (y, height - 1 - x)
    case 7: (width - 1 - y, height - 1 - x)
    case 8: (width - 1 - y, x)
    default: (x, y)
    }
  }

  private func upright(_ picture: Picture, _ orientation: Int) -> [UInt8] {
    let (width, height) = (picture.width, picture.height)
    let swaps = orientation >= 5
    return (0..<(swaps ? width : height)).flatMap { y in
      (0..<(swaps ? height : width)).flatMap { x in
        let from = stored(orientation, x, y, width, height)
        return picture.rgb[3 * (from.y * width + from.x)..<3 * (from.y * width + from.x) + 3]
      }
    }
  }

  private let picture = try? Picture(width: 5, height: 3, rgb: (0..<45).map { 5 * $0 })

  @Test(arguments: 1...8, [true, false])
  func jpegIsTurnedUpright(_ orientation: Int, little: Bool) throws {
    let plain = try #require(picture).encoded(as: .jpeg)
    let block = EXIFBuilder.block(orientation: UInt16(orientation), little: little)
    let turned = try decode(JPEGBuilder.inserting(block: block, into: plain))
    let expected = try upright(decode(plain), orientation)
    #expect(turned.rgb == expected)
    #expect(turned.width == (orientation >= 5 ? 3 : 5))
    #expect(turned.notes == (orientation == 1 ? [] : [.orientationApplied]))
    let info = try PictureInfo(bytes: JPEGBuilder.inserting(block: block, into: plain))
    #expect(info.width == turned.width && info.height == turned.height && info.orientation.rawValue == orientation)
  }

  @Test(arguments: 1...8)
  func pngIsTurnedUprightWithItsAlpha(_ orientation: Int) throws {
    let alpha = (0..<15).map { UInt8($0) }
    let source = try Picture(width: 5, height: 3, rgb: (0..<45).map { 5 * $0 }, alpha: alpha)
    var bytes = try source.encoded(as: .png)
    let chunk = PNGBuilder.chunk("eXIf", EXIFBuilder.block(orientation: UInt16(orientation)))
    bytes.insert(contentsOf: chunk, at: 33)
    let turned = try decode(bytes)
    #expect(turned.rgb == upright(source, orientation))
    let grey = try Picture(width: 5, height: 3, rgb: alpha.flatMap { [$0, $0, $0] })
    #expect(turned.alpha?.flatMap { [$0, $0, $0] } == upright(grey, orientation))
    #expect(try decode(turned.encoded(as: .png)).notes == [])
  }

  @Test func sixteenBitsAreTurned() throws {
    let words = (0..<18).map { UInt16($0) * 3000 }
    let turned = try Picture(width: 3, height: 2, samples: .sixteenBit(words)).upright(from: .rightTurn)
    #expect(turned.width == 2 && turned.samples.count == 18)
    #expect(turned.planes().prefix(2) == [Float(words[9]) / 65_535, Float(words[0]) / 65_535])
  }

  @Test func I18_malformedBlocksAreUpright() throws {
    let plain = try #require(picture).encoded(as: .jpeg)
    let good = EXIFBuilder.block(orientation: 6)
    var blocks: [(String, [UInt8])] = [0, 9, 10, 65_535].map { ("value \($0)", EXIFBuilder.block(orientation: $0)) }
    blocks += (0..<good.count - 7).map { ("cut at \($0)", Array(good[..<$0])) }
    blocks.append(("type", EXIFBuilder.block(orientation: 6, type: 4)))
    blocks.append(("count", EXIFBuilder.block(orientation: 6, count: .max)))
    blocks.append(("mark", [0x49, 0x4D] + good[2...]))
    blocks.append(("magic", good[..<2] + [43, 0] + good[4...]))
    blocks.append(("directory outside", good[..<4] + [255, 255, 255, 255] + good[8...]))
    blocks.append(("no entries", EXIFBuilder.block(orientation: 6, entries: 0)))
    for (label, block) in blocks {
      let picture = try decode(JPEGBuilder.inserting(block: block, into: plain))
      #expect(picture.width == 5 && picture.notes == [], "I18 \(label)")
    }
  }

  @Test func I18_largeAndLoopedBlocks() throws {
    let plain = try #require(picture).encoded(as: .jpeg)
    let loop = EXIFBuilder.block(orientation: 1, next: 8)
    #expect(try decode(JPEGBuilder.inserting(block: loop, into: plain)).width == 5)
    let huge = EXIFBuilder.block(orientation: 6, entries: 65_535) + [UInt8](repeating: 0, count: 65_000)
    #expect(try decode(JPEGBuilder.inserting(block: huge, into: plain)).width == 3)
    // A multi-picture file: a second picture after the first one's end.
    let multiple = JPEGBuilder.segment(0xE2, Array("MPF\0".utf8) + loop)
    let picture = try decode([0xFF, 0xD8] + multiple + plain[2...] + plain)
    #expect(picture.notes == [.trailingBytesIgnored])
  }
}
