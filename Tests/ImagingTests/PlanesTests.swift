import PictureQuality
import Tensors
import TestSupport
import Testing

@testable import Imaging

@Suite struct PlanesTests {
  @Test func bytesBecomePlanesAndBack() throws {
    let rgb = (0..<768).map { UInt8(truncatingIfNeeded: $0) }
    let picture = try Picture(width: 16, height: 16, rgb: rgb)
    let planes = picture.planes()
    for pixel in 0..<256 {
      for channel in 0..<3 { #expect(planes[256 * channel + pixel] == Float(rgb[3 * pixel + channel]) / 255) }
    }
    #expect(try Picture(planes: planes, width: 16, height: 16) == picture)
    #expect(throws: EVSSMError.self) {
      try planes.withUnsafeBufferPointer { _ in try picture.copyPlanes(to: .init(start: nil, count: 0)) }
    }
  }

  @Test func valuesAreClampedAndRounded() throws {
    let values: [Float] = [
      .nan, -.infinity, -1, -0.0, 0.001, 0.002, 0.5, 1, 1.5, .infinity, 0.99, .greatestFiniteMagnitude,
    ]
    let picture = try Picture(planes: values, width: 2, height: 2)
    let expected: [UInt8] = [0, 0, 0, 0, 0, 1, 128, 255, 255, 255, 252, 255]
    #expect(picture.rgb == (0..<4).flatMap { pixel in (0..<3).map { expected[4 * $0 + pixel] } })
  }

  @Test func sizesAreChecked() {
    for (width, height) in [(0, 1), (1, 0), (-1, -1), (32_769, 1), (32_768, 32_768), (Int.max, Int.max)] {
      #expect(throws: EVSSMError.self) { try Picture(width: width, height: height, rgb: []) }
      #expect(throws: EVSSMError.self) { try Picture(planes: [], width: width, height: height) }
    }
    expectRefusal("count", "picture.sample-count") { _ = try Picture(width: 1, height: 1, rgb: [0]) }
    expectRefusal("alpha", "picture.sample-count") { _ = try Picture(width: 1, height: 1, rgb: [0, 0, 0], alpha: []) }
  }

  @Test func differences() throws {
    let a = try Picture(width: 2, height: 1, rgb: [0, 10, 20, 30, 40, 50])
    let b = try Picture(width: 2, height: 1, rgb: [0, 10, 20, 30, 40, 56])
    let difference = try PictureDifference(a, b)
    #expect(difference.maximum == 6 && difference.mean == 1)
    // 10 · log₁₀(255² / 6)
    #expect(abs(difference.psnr - 40.349) < 0.001)
    #expect(try PictureDifference(a, a).psnr == .infinity)
    let floats = try PictureDifference([0, 0.5], [0, 0.25])
    #expect(floats.maximum == 0.25 && floats.mean == 0.125 && abs(floats.psnr - 15.0515) < 0.001)
    #expect(try PictureDifference([.nan, .infinity], [.nan, .infinity]).maximum == 0)
    #expect(try PictureDifference([.nan], [0]).maximum == .infinity)
    expectRefusal("count", "picture.size-mismatch") { _ = try PictureDifference([0], []) }
  }

  @Test func filesAreWrittenWholeOrNotAtAll() throws {
    let directory = try TemporaryDirectory()
    let picture = try Picture(width: 2, height: 2, rgb: Array(1...12), alpha: [0, 1, 2, 3])
    #expect(try picture.write(to: directory.path("a.PNG")) == [])
    #expect(try picture.write(to: directory.path("a.jpeg")) == [.alphaDropped])
    #expect(try Picture.read(path: directory.path("a.PNG")) == picture)
    for name in ["a.gif", "a", "png", ".png/a", "a.png."] {
      expectRefusal(name, "picture.unknown-extension") { try picture.write(to: directory.path(name)) }
    }
    expectRefusal("quality", "picture.quality") { try picture.write(to: directory.path("b.jpg"), quality: 0) }
    #expect(try directory.contents() == ["a.PNG", "a.jpeg"])
  }

  @Test func infoNeedsNoDecoding() throws {
    // The data is damaged, the structure is not.
    let header = PNGBuilder.chunk("IHDR", PNGBuilder.header(640, 480, depth: 16, colour: 6))
    let bytes = PNGBuilder.file(header, PNGBuilder.chunk("IDAT", [UInt8](repeating: 0, count: 3000)), PNGBuilder.end)
    let info = try PictureInfo(bytes: bytes)
    #expect(info.format == .png && info.width == 640 && info.height == 480)
    #expect(info.bitDepth == 16 && info.channels == 4 && info.orientation == .upright)
    expectRefusal("decoding", "png.malformed") { _ = try Picture(bytes: bytes) }
  }
}
