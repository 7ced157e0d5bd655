import CJPEG
import PictureQuality
import TestSupport
import Testing

@testable import Imaging

/// The entries of group I of the catalogue of hostile inputs that are about JPEG.
@Suite struct HostileJPEGTests {
  typealias B = JPEGBuilder

  private func inserting(_ bytes: [UInt8], into jpeg: [UInt8], at position: Int) -> [UInt8] {
    var out = jpeg
    out.insert(contentsOf: bytes, at: position)
    return out
  }

  @Test func I13_sizes() throws {
    let jpeg = try B.encoded(16, 16)
    let sized = { try B.patching(jpeg, 0xC0, at: 5, $0) }
    refuse("I13 65,500", try sized([0xFF, 0xDC, 0xFF, 0xDC]), "limit.exceeded", limit: "max_picture_side")
    refuse("I13 pixels", try sized([0x80, 0, 0x80, 0]), "limit.exceeded", limit: "max_picture_pixels")
    refuse("I13 data", try sized([0x1F, 0x40, 0x1F, 0x40]), "jpeg.data-too-short")
    refuse("I13 taller than its data", try sized([0, 32, 0, 16]), "jpeg.malformed")
  }

  @Test func I14_scans() throws {
    let jpeg = try B.encoded(16, 16, flags: TJFLAG_PROGRESSIVE)
    #expect(try decode(jpeg).width == 16)
    let scan = try B.offset(of: 0xDA, in: jpeg)
    let body = jpeg[scan..<jpeg.count - 2]
    var many = Array(jpeg[..<scan])
    for _ in 0..<10_000 { many += body }
    refuse("I14", many + [0xFF, 0xD9], "limit.exceeded", limit: "max_jpeg_scans")
  }

  @Test func I15_noSize() throws {
    let jpeg = try B.encoded(16, 16)
    refuse("I15 height", try B.patching(jpeg, 0xC0, at: 5, [0, 0]), "jpeg.undefined-height")
    refuse("I15 width", try B.patching(jpeg, 0xC0, at: 7, [0, 0]), "picture.empty")
    refuse("I15 DNL", inserting(B.segment(0xDC, [0, 16]), into: jpeg, at: jpeg.count - 2), "jpeg.undefined-height")
  }

  @Test func I16_kinds() throws {
    let jpeg = try B.encoded(16, 16)
    refuse("I16 12 bits", try B.patching(jpeg, 0xC0, at: 4, [12]), "jpeg.precision")
    refuse("I16 CMYK", try B.encoded(16, 16, pixels: TJPF_CMYK), "jpeg.cmyk")
    let markers: [(UInt8, String)] = [
      (0xC3, "jpeg.lossless"), (0xF7, "jpeg.lossless"), (0xC9, "jpeg.arithmetic"), (0xCA, "jpeg.arithmetic"),
      (0xCC, "jpeg.arithmetic"), (0xC5, "jpeg.hierarchical"), (0xCF, "jpeg.hierarchical"), (0xDE, "jpeg.hierarchical"),
      (0xF0, "jpeg.marker"), (0x02, "jpeg.marker"), (0xBF, "jpeg.marker"), (0xD0, "jpeg.marker"), (0xD8, "jpeg.marker"),
      (0x01, "jpeg.marker"),
    ]
    for (marker, code) in markers { refuse("I16 marker \(marker)", try B.patching(jpeg, 0xC0, at: 1, [marker]), code) }
    refuse("I16 no frame", try B.patching(jpeg, 0xC0, at: 1, [0xFE]), "jpeg.marker-order")
    let frame = try B.offset(of: 0xC0, in: jpeg)
    let copy = Array(jpeg[frame..<frame + 19])
    refuse("I16 two frames", inserting(copy, into: jpeg, at: frame), "jpeg.marker-order")
    refuse("I16 two components", try B.patching(jpeg, 0xC0, at: 9, [2]), "jpeg.frame")
    refuse("I16 sampling 0", try B.patching(jpeg, 0xC0, at: 11, [0x01]), "jpeg.frame")
    refuse("I16 sampling 5", try B.patching(jpeg, 0xC0, at: 11, [0x15]), "jpeg.frame")
    refuse("I16 sampling 4 by 4", try B.patching(jpeg, 0xC0, at: 11, [0x44]), "jpeg.malformed")
    refuse("I16 component twice", try B.patching(jpeg, 0xDA, at: 7, [1]), "jpeg.malformed")
  }

  @Test func I16_tables() throws {
    let jpeg = try B.encoded(16, 16)
    refuse("I16 quantisation table 9", try B.patching(jpeg, 0xDB, at: 4, [9]), "jpeg.malformed")
    refuse("I16 no quantisation table", try B.patching(jpeg, 0xDB, at: 1, [0xFE]), "jpeg.malformed")
    refuse("I16 Huffman table 9", try B.patching(jpeg, 0xC4, at: 4, [9]), "jpeg.malformed")
    // The decoder falls back to the tables of annex K, which are the ones left out here.
    #expect(try decode(B.patching(jpeg, 0xC4, at: 1, [0xFE])).rgb == decode(jpeg).rgb)
    refuse("I16 too many codes", try B.patching(jpeg, 0xC4, at: 5, [255, 255]), "jpeg.malformed")
    refuse("I16 codes overlap", try B.patching(jpeg, 0xC4, at: 5, [3, 9, 0]), "jpeg.malformed")
  }

  @Test func I17_truncation() throws {
    for flags in [0, TJFLAG_PROGRESSIVE] {
      let jpeg = try B.encoded(33, 17, sampling: TJSAMP_420, flags: flags)
      let markers = jpeg.indices.filter { jpeg[$0] == 0xFF }.dropFirst(2)
      let parts = (1..<64).map { jpeg.count * $0 / 64 }
      for end in Set(markers + markers.map { $0 + 1 } + parts).sorted() {
        refuse("I17 cut at \(end)", Array(jpeg[..<end]), "jpeg.truncated")
      }
    }
  }

  @Test func I17_truncatedInsideAScanThenEnded() throws {
    let jpeg = try B.encoded(64, 64)
    let scan = try B.offset(of: 0xDA, in: jpeg) + 14
    for end in stride(from: scan, to: jpeg.count - 8, by: 5) where jpeg[end - 1] != 0xFF {
      refuse("I17 ended at \(end)", jpeg[..<end] + [0xFF, 0xD9], "jpeg.malformed")
    }
  }

  @Test func I17_restartMarkers() throws {
    let jpeg = try B.encoded(64, 64)
    let scan = try B.offset(of: 0xDA, in: jpeg)
    refuse("I17 none where promised", inserting(B.segment(0xDD, [0, 1]), into: jpeg, at: scan), "jpeg.malformed")
    let middle = try #require((scan + 60..<jpeg.count).first { jpeg[$0 - 1] != 0xFF })
    refuse("I17 one too many", inserting([0xFF, 0xD3], into: jpeg, at: middle), "jpeg.malformed")
    refuse("I17 interval length", inserting(B.segment(0xDD, [0]), into: jpeg, at: scan), "jpeg.malformed")
  }

  @Test func I19_manySegments() throws {
    let jpeg = try B.encoded(16, 16)
    let segment = B.segment(0xEF, [UInt8](repeating: 0xFF, count: 65_533))
    var bytes = Array(jpeg[..<2])
    bytes.reserveCapacity(66 << 20)
    for _ in 0..<1000 { bytes += segment }
    #expect(try decode(bytes + jpeg[2...]).rgb == decode(jpeg).rgb)
  }

  @Test func segmentsOfWrongLength() throws {
    let jpeg = try B.encoded(16, 16)
    for length: [UInt8] in [[0, 0], [0, 1]] {
      refuse("I17 length \(length)", try B.patching(jpeg, 0xE0, at: 2, length), "jpeg.segment-length")
    }
    refuse("I17 length over the file", try B.patching(jpeg, 0xE0, at: 2, [0xFF, 0xFF]), "jpeg.truncated")
    refuse("I17 garbage between", inserting([0], into: jpeg, at: 20), "jpeg.marker")
    refuse("I17 no scan", [0xFF, 0xD8, 0xFF, 0xD9], "jpeg.no-scan")
  }

  @Test func everyFlippedByteIsHeld() throws {
    let jpeg = try B.encoded(24, 24, sampling: TJSAMP_420)
    var refused = 0
    for index in jpeg.indices {
      var copy = jpeg
      copy[index] ^= 0xFF
      do { _ = try decode(copy) } catch { refused += 1 }
    }
    #expect(refused > jpeg.count / 4)
  }

  @Test(arguments: [(1, 1), (1, 97), (97, 1), (13, 17), (64, 3), (127, 31)])
  func I22_sizes(_ width: Int, _ height: Int) throws {
    let picture = try B.picture(width, height)
    let back = try decode(picture.encoded(as: .jpeg))
    #expect(back.width == width && back.height == height)
    #expect(try PictureDifference(picture, back).mean < 2)
    #expect(try picture.encoded(as: .jpeg) == picture.encoded(as: .jpeg))
    for sampling in [TJSAMP_420, TJSAMP_422, TJSAMP_440, TJSAMP_411] {
      #expect(try decode(B.encoded(width, height, sampling: sampling)).height == height)
    }
  }

  @Test func I23_greyAndProfiles() throws {
    let grey = try decode(B.encoded(9, 5, sampling: TJSAMP_GRAY, pixels: TJPF_GRAY))
    #expect(grey.notes == [.greyReplicated] && grey.rgb[0] == grey.rgb[2])
    let jpeg = try B.encoded(9, 5)
    let profile = B.segment(0xE2, Array("ICC_PROFILE\0".utf8) + [1, 1, 0, 0])
    let picture = try decode(inserting(profile, into: jpeg, at: 2))
    #expect(try picture.rgb == decode(jpeg).rgb && picture.notes == [.colourProfileNotApplied], "I24")
  }

  @Test func qualityIsBounded() throws {
    let picture = try B.picture(4, 4)
    for quality in [0, -1, 101, Int.max] {
      expectRefusal("\(quality)", "picture.quality") { _ = try picture.encoded(as: .jpeg, quality: quality) }
    }
    #expect(try picture.encoded(as: .jpeg, quality: 1).count < picture.encoded(as: .jpeg, quality: 100).count)
  }
}
