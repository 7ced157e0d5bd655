/// One plane of values, with the interpolations that the alignment of pictures needs.
struct Plane {
  let width: Int
  let height: Int
  var values: [Double]

  init(width: Int, height: Int, values: [Double]) {
    self.width = width
    self.height = height
    self.values = values
  }

  /// Luma of RGB planes with the weights of ITU-R BT.601.
  init(grey planes: PixelPlanes) {
    let (red, green, blue) = (planes.channels[0], planes.channels[1], planes.channels[2])
    self.init(
      width: planes.width, height: planes.height,
      values: red.indices.map { 0.299 * red[$0] + 0.587 * green[$0] + 0.114 * blue[$0] })
  }

  /// Convolved along both axes with `weights`, of odd count; beyond the border the picture is mirrored about its
  /// outermost pixels.
  func filtered(_ weights: [Double]) -> Plane {
    filtered(rows: weights).transposed().filtered(rows: weights).transposed()
  }

  /// Convolved along the rows.
  func filtered(rows weights: [Double]) -> Plane {
    let radius = weights.count / 2
    var out = Plane(width: width, height: height, values: [Double](repeating: 0, count: values.count))
    for row in 0..<height {
      for column in 0..<width {
        var sum = 0.0
        for (index, weight) in weights.enumerated() {
          sum += weight * values[row * width + Self.mirrored(column + index - radius, width)]
        }
        out.values[row * width + column] = sum
      }
    }
    return out
  }

  func transposed() -> Plane {
    let transposed = (0..<width).flatMap { column in (0..<height).map { values[$0 * width + column] } }
    return Plane(width: height, height: width, values: transposed)
  }

  /// An index reflected into 0 ..< count, the outermost pixels not doubled.
  private static func mirrored(_ index: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let wrapped = ((index % period) + period) % period
    return wrapped < count ? wrapped : period - wrapped
  }

  /// Bilinear; pixels outside count as 0.
  func linear(x: Double, y: Double) -> Double {
    guard x > -1, y > -1, x < Double(width), y < Double(height) else { return 0 }
    let (left, top) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
    let (dx, dy) = (x - Double(left), y - Double(top))
    func at(_ column: Int, _ row: Int) -> Double {
      column >= 0 && row >= 0 && column < width && row < height ? values[row * width + column] : 0
    }
    return (1 - dy) * ((1 - dx) * at(left, top) + dx * at(left + 1, top))
      + dy * ((1 - dx) * at(left, top + 1) + dx * at(left + 1, top + 1))
  }

  /// Cubic convolution (Keys, 1981) with a = −0.75; beyond the border the picture is mirrored, the outermost pixels
  /// doubled.
  func cubic(x: Double, y: Double) -> Double {
    let (left, top) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
    let across = Self.cubicWeights(x - Double(left)), down = Self.cubicWeights(y - Double(top))
    var sum = 0.0
    for (i, vertical) in down.enumerated() {
      let row = Self.doubled(top + i - 1, height) * width
      var line = 0.0
      for (j, horizontal) in across.enumerated() {
        line += horizontal * values[row + Self.doubled(left + j - 1, width)]
      }
      sum += vertical * line
    }
    return sum
  }

  private static func cubicWeights(_ t: Double) -> [Double] {
    let a = -0.75
    func near(_ d: Double) -> Double { ((a + 2) * d - (a + 3)) * d * d + 1 }
    func far(_ d: Double) -> Double { ((a * d - 5 * a) * d + 8 * a) * d - 4 * a }
    return [far(1 + t), near(t), near(1 - t), far(2 - t)]
  }

  private static func doubled(_ index: Int, _ count: Int) -> Int {
    let period = 2 * count
    let wrapped = ((index % period) + period) % period
    return wrapped < count ? wrapped : period - 1 - wrapped
  }
}
