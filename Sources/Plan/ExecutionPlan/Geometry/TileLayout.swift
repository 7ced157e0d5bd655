import Tensors

/// Where a thread's private buffers for one tile of pixels lie, in floats from the start of its scratch memory.
package struct TileLayout: Sendable, Hashable {
  /// What the tile's matrix product reads: normalised pixels, gated pixels, gathered taps, padded rows, or a ring of
  /// three rows of products.
  package let operand: Int
  /// What it writes before the result is spread over a map, or a patch.
  package let result: Int
  /// One weight a pixel of the tile.
  package let pixelScale: Int
  /// bfloat16 values that a matrix product reads, where they are not made in `operand`: the inner map's pixels, or padded
  /// rows. Two to a float.
  package let rounded: Int
  package let total: Int

  /// Pixels that one thread processes at a time; the rows of its private buffers.
  package static let pixels = 72

  /// - Parameters:
  ///   - operand: factors of the count of floats.
  ///   - result: likewise; nil: the same memory as the operand.
  ///   - rounded: factors of the count of bfloat16 values; nil for none.
  init(operand: [Int], result: [Int]? = nil, rounded: [Int]? = nil) throws {
    var scratch = ScratchAllocator()
    self.operand = try scratch.place(operand)
    self.result = try result.map { try scratch.place($0) } ?? self.operand
    pixelScale = try scratch.place(Self.pixels)
    self.rounded = scratch.total
    if let rounded { _ = try scratch.place(Checked.product(rounded) / 2) }
    total = scratch.total
  }
}
