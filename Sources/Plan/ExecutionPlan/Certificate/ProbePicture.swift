/// The picture that certificates are made with: smooth structure at two scales and a little noise, the same on every
/// machine.
///
/// All arithmetic is on integers; `docs/plan-format.md` gives it in full.
package enum ProbePicture {
  /// Planar (3, height, width) values in [0, 1).
  ///
  /// - Complexity: O(height · width).
  package static func planes(seed: UInt64, height: Int, width: Int) -> [Float] {
    var out: [Float] = []
    out.reserveCapacity(3 * height * width)
    for plane in 0..<3 {
      for y in 0..<height {
        for x in 0..<width {
          let coarse = noise(seed, layer: plane, y, x, cell: 16)
          let medium = noise(seed, layer: 3 + plane, y, x, cell: 4)
          let fine = noise(seed, layer: 6 + plane, y, x, cell: 1)
          // At most 16 · 65,535: exact in a float.
          out.append(Float(10 * coarse + 5 * medium + fine) * 0x1p-20)
        }
      }
    }
    return out
  }

  /// Random values of 16 bits at the corners of square cells, interpolated bilinearly.
  private static func noise(_ seed: UInt64, layer: Int, _ y: Int, _ x: Int, cell: Int) -> Int {
    let (row, column) = (y / cell, x / cell)
    let (dy, dx) = (y % cell, x % cell)
    let top = corner(seed, layer, row, column) * (cell - dx) + corner(seed, layer, row, column + 1) * dx
    let bottom = corner(seed, layer, row + 1, column) * (cell - dx) + corner(seed, layer, row + 1, column + 1) * dx
    return (top * (cell - dy) + bottom * dy) / (cell * cell)
  }

  /// The high 16 bits of SplitMix64's output number layer · 2^40 + row · 2^20 + column.
  private static func corner(_ seed: UInt64, _ layer: Int, _ row: Int, _ column: Int) -> Int {
    let index = UInt64(layer) << 40 | UInt64(row) << 20 | UInt64(column)
    var z = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) >> 48)
  }
}
