import Tensors

extension Picture {
  /// This picture at the left of `other`, with a white bar between them and a caption on each, as 8-bit RGB.
  ///
  /// - Parameter captions: of the letters a, b, e, f, o, r and t; drawn at the top left where there is room.
  /// - Throws: `picture.size-mismatch` when the heights differ; `limit.exceeded` for the size.
  package func beside(_ other: Picture, captions: (String, String)) throws -> Picture {
    guard height == other.height else {
      throw EVSSMError(
        "picture.size-mismatch", "Pictures of heights \(height) and \(other.height) cannot stand side by side.")
    }
    let bar = max(4, height / 80)
    var canvas = try Canvas(width: width + bar + other.width, height: height, grey: 255)
    canvas.draw(self, x: 0, y: 0)
    canvas.draw(other, x: width + bar, y: 0)
    let scale = max(2, height / 200)
    canvas.caption(captions.0, x: 0, width: width, scale: scale)
    canvas.caption(captions.1, x: width + bar, width: other.width, scale: scale)
    return try Picture(width: canvas.width, height: height, rgb: canvas.rgb)
  }

  /// The absolute difference to `other` times `factor`, clipped, in 8 bits.
  /// - Throws: `picture.size-mismatch` when the sizes differ.
  package func difference(to other: Picture, times factor: Int) throws -> Picture {
    guard width == other.width, height == other.height else {
      throw EVSSMError(
        "picture.size-mismatch",
        "A picture of \(width) by \(height) cannot be compared with one of \(other.width) by \(other.height).")
    }
    return try Picture(
      width: width, height: height,
      rgb: zip(rgb, other.rgb).map { UInt8(min(255, abs(Int($0) - Int($1)) * factor)) })
  }

  /// The picture in 8 bits, made smaller to fit a width; never larger. Each pixel is the mean of the area it covers.
  package func fitted(toWidth limit: Int) throws -> Picture {
    guard width > limit, limit > 0 else { return try Picture(width: width, height: height, rgb: rgb) }
    let (newWidth, newHeight) = (limit, max(1, (height * limit + width / 2) / width))
    let (columns, rows) = (Self.spans(width, newWidth), Self.spans(height, newHeight))
    let samples = rgb
    var out: [UInt8] = []
    out.reserveCapacity(3 * newWidth * newHeight)
    for row in rows {
      for column in columns {
        for channel in 0..<3 {
          var sum = 0
          for y in row { for x in column { sum += Int(samples[3 * (y * width + x) + channel]) } }
          let area = row.count * column.count
          out.append(UInt8((sum + area / 2) / area))
        }
      }
    }
    return try Picture(width: newWidth, height: newHeight, rgb: out)
  }

  /// The whole pixels that each of `count` pixels covers most of.
  private static func spans(_ size: Int, _ count: Int) -> [Range<Int>] {
    (0..<count).map { index in
      let start = index * size / count
      return start..<max(start + 1, (index + 1) * size / count)
    }
  }
}

/// 8-bit RGB pixels that are drawn on.
private struct Canvas {
  let width: Int
  let height: Int
  private(set) var rgb: [UInt8]

  init(width: Int, height: Int, grey: UInt8) throws {
    try Limits.checkPicture(width: width, height: height)
    self.width = width
    self.height = height
    rgb = [UInt8](repeating: grey, count: 3 * width * height)
  }

  mutating func draw(_ picture: Picture, x: Int, y: Int) {
    let source = picture.rgb
    for row in 0..<picture.height {
      let start = 3 * ((y + row) * width + x)
      rgb.replaceSubrange(
        start..<start + 3 * picture.width, with: source[3 * row * picture.width..<3 * (row + 1) * picture.width])
    }
  }

  /// White letters on a dark field in the top left corner of the part from `x` on; nothing when there is no room.
  mutating func caption(_ text: String, x: Int, width available: Int, scale: Int) {
    let letters = Lettering(text)
    let (fieldWidth, fieldHeight) = ((letters.width + 4) * scale, (Lettering.height + 4) * scale)
    guard fieldWidth * 2 <= available, fieldHeight * 4 <= height else { return }
    for row in 0..<fieldHeight {
      for column in 0..<fieldWidth {
        let isSet = letters.isSet(x: column / scale - 2, y: row / scale - 2)
        for channel in 0..<3 { rgb[3 * (row * width + x + column) + channel] = isSet ? 255 : 32 }
      }
    }
  }
}

/// A word in letters of 5×7 dots: lower case, those that captions use.
private struct Lettering {
  static let height = 7
  private static let advance = 6

  /// Seven rows of a letter, five bits each, the leftmost highest.
  private static let glyphs: [Character: [UInt8]] = [
    "a": [0b00000, 0b00000, 0b01110, 0b00001, 0b01111, 0b10001, 0b01111],
    "b": [0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b10001, 0b11110],
    "e": [0b00000, 0b00000, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110],
    "f": [0b00110, 0b01000, 0b11110, 0b01000, 0b01000, 0b01000, 0b01000],
    "o": [0b00000, 0b00000, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110],
    "r": [0b00000, 0b00000, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000],
    "t": [0b01000, 0b01000, 0b11110, 0b01000, 0b01000, 0b01001, 0b00110],
  ]

  private let rows: [[UInt8]]

  init(_ text: String) { rows = text.map { Self.glyphs[$0] ?? [UInt8](repeating: 0, count: Self.height) } }

  /// In dots.
  var width: Int { max(0, rows.count * Self.advance - 1) }

  func isSet(x: Int, y: Int) -> Bool {
    guard x >= 0, x < width, y >= 0, y < Self.height, x % Self.advance < 5 else { return false }
    return rows[x / Self.advance][y] >> UInt8(4 - x % Self.advance) & 1 == 1
  }
}
