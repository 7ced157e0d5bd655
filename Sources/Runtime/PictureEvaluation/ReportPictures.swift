import Imaging

/// Small JPEG pictures of a pair for a page: what went in, what came out, what should have, and how far apart the last
/// two are.
package struct ReportPictures: Sendable {
  /// Differences are shown this many times as large.
  package static let amplification = 4
  private static let width = 420

  package let input: [UInt8]
  package let result: [UInt8]
  package let target: [UInt8]
  package let difference: [UInt8]

  init(input: Picture, result: Picture, target: Picture) throws {
    self.input = try Self.small(input)
    self.result = try Self.small(result)
    self.target = try Self.small(target)
    difference = try Self.small(result.difference(to: target, times: Self.amplification))
  }

  private static func small(_ picture: Picture) throws -> [UInt8] {
    try picture.fitted(toWidth: width).encoded(as: .jpeg, quality: 88)
  }

}
