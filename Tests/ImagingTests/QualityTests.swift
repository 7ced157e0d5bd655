import Foundation
import TestSupport
import Tensors
import Testing

@testable import Imaging
@testable import PictureQuality

/// PSNR and SSIM against the figures that scikit-image gives for the same pictures: `tools/generate/quality-fixtures`
/// writes them.
@Suite struct QualityTests {
  struct Case: Codable, Sendable {
    let width: Int
    let height: Int
    let seed: Int
    let noise: Int
    let psnr: Double
    let ssim: Double
  }

  static let cases: [Case] = {
    let url = Fixtures.directory.appendingPathComponent("quality.json")
    return (try? JSONDecoder().decode([Case].self, from: Data(contentsOf: url))) ?? []
  }()

  /// Waves and a pattern of noise, by the formulas of the script that wrote the figures.
  private static func picture(_ test: Case, noise: Int) throws -> Picture {
    var rgb: [UInt8] = []
    for y in 0..<test.height {
      for x in 0..<test.width {
        for c in 0..<3 {
          let wave = (x * (3 + c) + y * (5 - c) + test.seed * 11) % 256
          let pattern = ((x * 7919 + y * 104_729 + c * 1_299_709 + test.seed * 15_485_863) / 64) % 17 - 8
          rgb.append(UInt8(max(0, min(255, (wave < 128 ? wave : 255 - wave) + 60 + noise * pattern))))
        }
      }
    }
    return try Picture(width: test.width, height: test.height, rgb: rgb)
  }

  @Test func thereAreTen() { #expect(Self.cases.count == 10) }

  @Test(arguments: cases) func isThatOfScikitImage(_ test: Case) throws {
    let quality = try PictureQuality(Self.picture(test, noise: test.noise), target: Self.picture(test, noise: 0))
    #expect(abs(quality.psnr - test.psnr) < 1e-4)
    #expect(abs(quality.ssim - test.ssim) < 1e-4)
  }

  @Test func equalPicturesAreEqual() throws {
    let picture = try Self.picture(Self.cases[0], noise: 1)
    for alignment in PictureQuality.Alignment.allCases {
      let quality = try PictureQuality(picture, target: picture, alignment: alignment)
      #expect(quality.psnr == .infinity && abs(quality.ssim - 1) < 1e-12)
    }
  }

  @Test func sizesAreChecked() throws {
    func grey(_ width: Int, _ height: Int) throws -> Picture {
      try Picture(width: width, height: height, rgb: [UInt8](repeating: 7, count: 3 * width * height))
    }
    expectRefusal("sizes", "picture.size-mismatch") { _ = try PictureQuality(grey(20, 20), target: grey(20, 21)) }
    expectRefusal("small", "picture.too-small") { _ = try PictureQuality(grey(10, 20), target: grey(10, 20)) }
    #expect(try PictureQuality(grey(11, 11), target: grey(11, 11)).ssim == 1)
    expectRefusal("sizes", "picture.size-mismatch") {
      _ = try PictureQuality(grey(20, 20), target: grey(20, 21), alignment: .homography)
    }
  }

  /// A smooth scene seen from elsewhere, and darker.
  private static func scene(shiftedBy dx: Double, _ dy: Double, brightness: Double = 1) throws -> Picture {
    let (width, height) = (96, 80)
    var rgb: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        let (u, v) = (Double(x) + dx, Double(y) + dy)
        let value = 128 + 50 * sin(u / 6) * cos(v / 9) + 40 * sin((u + 2 * v) / 17)
        for c in 0..<3 { rgb.append(UInt8(max(0, min(255, (value - Double(10 * c)) * brightness)))) }
      }
    }
    return try Picture(width: width, height: height, rgb: rgb)
  }

  @Test func alignmentUndoesShiftAndBrightness() throws {
    let target = try Self.scene(shiftedBy: 0, 0)
    let moved = try Self.scene(shiftedBy: 1.6, -0.9, brightness: 0.9)
    let plain = try PictureQuality(moved, target: target)
    let aligned = try PictureQuality(moved, target: target, alignment: .homography)
    #expect(plain.psnr < 26)
    #expect(aligned.psnr > 40)
    #expect(aligned.ssim > 0.99 && aligned.ssim > plain.ssim)
  }

  @Test func picturesWithoutStructureHaveNoAlignment() throws {
    let flat = try Picture(width: 32, height: 32, rgb: [UInt8](repeating: 7, count: 3072))
    let other = try Picture(width: 32, height: 32, rgb: [UInt8](repeating: 9, count: 3071) + [0])
    expectRefusal("flat", "picture.no-alignment") {
      _ = try PictureQuality(flat, target: other, alignment: .homography)
    }
  }

  @Test func homographiesAreRecovered() throws {
    var truth = Homography()
    truth.elements = [1.01, -0.012, 1.3, 0.008, 0.99, -0.7, 2e-5, -3e-5, 1]
    let (width, height) = (120, 90)
    func scene(_ x: Double, _ y: Double) -> Double { 0.5 + 0.2 * sin(x / 7) * cos(y / 8) + 0.2 * sin((x - 2 * y) / 19) }
    let input = Plane(
      width: width, height: height,
      values: (0..<height).flatMap { y in (0..<width).map { scene(Double($0), Double(y)) } })
    let template = Plane(
      width: width, height: height, values: truth.positions(width: width, height: height).map { scene($0.x, $0.y) })
    let found = try ImageAlignment(template: template, input: input).homography()
    for (x, y) in [(0.0, 0.0), (119, 0), (0, 89), (119, 89)] {
      let (expected, got) = (truth(x: x, y: y), found(x: x, y: y))
      #expect(abs(expected.x - got.x) < 0.2 && abs(expected.y - got.y) < 0.2)
    }
  }
}

@Suite struct CompositionTests {
  @Test func sideBySide() throws {
    let left = try Picture(width: 300, height: 120, rgb: [UInt8](repeating: 10, count: 3 * 300 * 120))
    let right = try Picture(width: 200, height: 120, rgb: [UInt8](repeating: 20, count: 3 * 200 * 120))
    let both = try left.beside(right, captions: ("before", "after"))
    #expect(both.width == 504 && both.height == 120)
    let last = 3 * 504 * 119
    #expect(both.rgb[last] == 10 && both.rgb[last + 3 * 300] == 255 && both.rgb[last + 3 * 304] == 20)
    // Captions at the top left of each: a dark field with white letters.
    #expect(both.rgb[0] == 32 && both.rgb[3 * 304] == 32)
    #expect(both.rgb[..<(3 * 504 * 20)].contains(255))
    expectRefusal("heights", "picture.size-mismatch") {
      _ = try left.beside(Picture(width: 1, height: 1, rgb: [0, 0, 0]), captions: ("", ""))
    }
  }

  @Test func smallPicturesHaveNoCaption() throws {
    let dot = try Picture(width: 1, height: 1, rgb: [1, 2, 3])
    let bar = [UInt8](repeating: 255, count: 12)
    #expect(try dot.beside(dot, captions: ("before", "after")).rgb == [1, 2, 3] + bar + [1, 2, 3])
  }

  @Test func differencesAreAmplifiedAndClipped() throws {
    let a = try Picture(width: 1, height: 1, rgb: [0, 100, 200])
    let b = try Picture(width: 1, height: 1, rgb: [255, 90, 201])
    #expect(try a.difference(to: b, times: 4).rgb == [255, 40, 4])
    expectRefusal("sizes", "picture.size-mismatch") {
      _ = try a.difference(to: Picture(width: 2, height: 1, rgb: [0, 0, 0, 0, 0, 0]), times: 4)
    }
  }

  @Test func picturesAreMadeSmallerNotLarger() throws {
    let picture = try Picture(width: 4, height: 2, rgb: (0..<24).map { UInt8($0 * 10) })
    #expect(try picture.fitted(toWidth: 9) == picture)
    let half = try picture.fitted(toWidth: 2)
    #expect(half.width == 2 && half.height == 1)
    // The mean of samples 0, 3, 12 and 15, times 10.
    #expect(half.rgb[0] == 75)
    let strip = try Picture(width: 100, height: 1, rgb: [UInt8](repeating: 9, count: 300)).fitted(toWidth: 7)
    #expect(strip.width == 7 && strip.height == 1 && Set(strip.rgb) == [9])
  }
}
