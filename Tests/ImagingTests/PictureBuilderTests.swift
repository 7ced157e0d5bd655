import Imaging
import TestSupport
import Tensors
import Testing

@Suite("Pictures in parts")
struct PictureBuilderTests {
  private static let (width, height) = (37, 23)

  /// Values from below 0 to above 1, with NaN among them.
  private func planes() -> [Float] {
    var out = SeededWeights.picture(height: Self.height, width: Self.width, seed: 3).map { $0 * 1.4 - 0.2 }
    out[5] = .nan
    return out
  }

  @Test("rows give the picture that whole planes give")
  func rows() throws {
    let (width, height) = (Self.width, Self.height)
    let planes = planes()
    var builder = try PictureBuilder(width: width, height: height)
    for rows in [0..<1, 1..<9, 9..<9, 9..<23] {
      var values: [Float] = []
      for row in rows {
        for plane in 0..<3 { values += planes[(plane * height + row) * width..<(plane * height + row + 1) * width] }
      }
      try values.withUnsafeBufferPointer { try builder.setRows(rows, $0) }
    }
    #expect(try builder.picture() == Picture(planes: planes, width: width, height: height))
  }

  @Test("rows that do not fit are refused")
  func refusals() throws {
    var builder = try PictureBuilder(width: 4, height: 3)
    let values = [Float](repeating: 0, count: 12)
    for rows in [0..<2, 3..<4, -1..<0] {
      #expect(throws: EVSSMError.self) { try values.withUnsafeBufferPointer { try builder.setRows(rows, $0) } }
    }
  }

  @Test("a rectangle's planes are cut out of the picture's", arguments: [false, true])
  func rectangle(_ hasSixteenBits: Bool) throws {
    let (width, height) = (Self.width, Self.height)
    let count = 3 * width * height
    let samples: Picture.Samples =
      hasSixteenBits
      ? .sixteenBit((0..<count).map { UInt16(truncatingIfNeeded: $0 * 97) })
      : .eightBit((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) })
    let picture = try Picture(width: width, height: height, samples: samples)
    let all = picture.planes()
    for (rows, columns) in [(0..<23, 0..<37), (3..<4, 36..<37), (5..<21, 2..<30)] {
      var found = [Float](repeating: -1, count: 3 * rows.count * columns.count)
      try found.withUnsafeMutableBufferPointer { try picture.copyPlanes(rows: rows, columns: columns, to: $0) }
      var expected: [Float] = []
      for plane in 0..<3 {
        for row in rows {
          let start = (plane * height + row) * width
          expected += all[start + columns.lowerBound..<start + columns.upperBound]
        }
      }
      #expect(found == expected)
      #expect(throws: EVSSMError.self) {
        try found.withUnsafeMutableBufferPointer { try picture.copyPlanes(rows: rows, columns: 1..<38, to: $0) }
      }
    }
  }
}
