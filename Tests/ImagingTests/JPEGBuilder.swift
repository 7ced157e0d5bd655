import CJPEG
import Testing

@testable import Imaging

/// JPEG files for tests: written by TurboJPEG in kinds that this package does not write, then operated on.
enum JPEGBuilder {
  /// A smooth picture of any size.
  static func picture(_ width: Int, _ height: Int) throws -> Picture {
    let rgb = (0..<height).flatMap { y in (0..<width).flatMap { x in [3 * x, 2 * y, x + y].map { UInt8($0 & 255) } } }
    return try Picture(width: width, height: height, rgb: rgb)
  }

  static func encoded(
    _ width: Int, _ height: Int, sampling: TJSAMP = TJSAMP_444, pixels: TJPF = TJPF_RGB, flags: Int32 = 0
  ) throws -> [UInt8] {
    let encoder = try #require(tjInitCompress())
    defer { tjDestroy(encoder) }
    let channels = pixels == TJPF_CMYK ? 4 : pixels == TJPF_GRAY ? 1 : 3
    let samples = (0..<channels * width * height).map { UInt8(($0 / channels * 3) & 255) }
    var (out, size): (UnsafeMutablePointer<UInt8>?, UInt) = (nil, 0)
    let status = tjCompress2(
      encoder, samples, Int32(width), 0, Int32(height), Int32(pixels.rawValue), &out, &size, Int32(sampling.rawValue),
      90,
      flags)
    defer { tjFree(out) }
    try #require(status == 0)
    return Array(UnsafeBufferPointer(start: out, count: Int(size)))
  }

  static func segment(_ marker: UInt8, _ body: [UInt8]) -> [UInt8] {
    [0xFF, marker, UInt8((body.count + 2) >> 8), UInt8((body.count + 2) & 255)] + body
  }

  /// `jpeg` with EXIF data right after its start.
  static func inserting(block: [UInt8], into jpeg: [UInt8]) -> [UInt8] {
    jpeg[..<2] + segment(0xE1, Array("Exif\0\0".utf8) + block) + jpeg[2...]
  }

  /// Offsets of the first marker of each code, without looking into scans.
  static func offset(of marker: UInt8, in jpeg: [UInt8]) throws -> Int {
    try #require(offsets(in: jpeg).first { jpeg[$0 + 1] == marker })
  }

  /// Offsets of all markers from SOI to the first scan.
  static func offsets(in jpeg: [UInt8]) -> [Int] {
    var (found, position) = ([0], 2)
    while position + 4 <= jpeg.count {
      found.append(position)
      if jpeg[position + 1] == 0xDA { break }
      position += 2 + Int(jpeg[position + 2]) << 8 + Int(jpeg[position + 3])
    }
    return found
  }

  /// `jpeg` with bytes at an offset from a marker replaced.
  static func patching(_ jpeg: [UInt8], _ marker: UInt8, at offset: Int, _ bytes: [UInt8]) throws -> [UInt8] {
    let start = try self.offset(of: marker, in: jpeg) + offset
    return jpeg[..<start] + bytes + jpeg[(start + bytes.count)...]
  }
}
