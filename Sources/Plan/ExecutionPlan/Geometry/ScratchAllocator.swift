import Tensors

/// Places the regions of one step's scratch memory one after the other, each on a 64-byte line. Offsets are in floats.
struct ScratchAllocator {
  private(set) var total = 0

  /// The offset of a new region of `factors`' product floats. Throws on overflow.
  mutating func place(_ factors: Int...) throws -> Int { try place(factors) }

  /// Likewise.
  mutating func place(_ factors: [Int]) throws -> Int {
    let offset = total
    let count = try Checked.roundUp(Checked.product(factors, "The scratch memory of a step"), to: Layout.lanes)
    total = try Checked.add(total, count, "The scratch memory of a step")
    return offset
  }
}
