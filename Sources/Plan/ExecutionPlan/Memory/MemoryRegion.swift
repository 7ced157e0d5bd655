import Tensors

/// Memory that must keep its content over a range of steps: what ``MemoryPlanner`` places.
package struct MemoryRegion: Sendable, Hashable {
  package var byteCount: Int
  /// The step that writes it first.
  package var firstStep: Int
  /// The last step that touches it; at least `firstStep`.
  package var lastStep: Int

  package init(byteCount: Int, firstStep: Int, lastStep: Int) {
    self.byteCount = byteCount
    self.firstStep = firstStep
    self.lastStep = lastStep
  }

  /// Whether both regions are in use during some step.
  package func isLive(with other: MemoryRegion) -> Bool { firstStep <= other.lastStep && other.firstStep <= lastStep }
}

/// Where regions lie in one arena.
package struct MemoryPlacement: Sendable, Hashable {
  /// Offset of each region in bytes, a multiple of ``MemoryPlanner/alignment``.
  package var offsets: [Int]
  /// Bytes of the arena.
  package var byteCount: Int

  package init(offsets: [Int], byteCount: Int) {
    self.offsets = offsets
    self.byteCount = byteCount
  }
}
