import Tensors

/// Memory that must keep its content over a range of steps: what ``MemoryPlanner`` places.
public struct MemoryRegion: Sendable, Hashable {
  public var byteCount: Int
  /// The step that writes it first.
  public var firstStep: Int
  /// The last step that touches it; at least `firstStep`.
  public var lastStep: Int

  public init(byteCount: Int, firstStep: Int, lastStep: Int) {
    self.byteCount = byteCount
    self.firstStep = firstStep
    self.lastStep = lastStep
  }

  /// Whether both regions are in use during some step.
  public func isLive(with other: MemoryRegion) -> Bool { firstStep <= other.lastStep && other.firstStep <= lastStep }
}

/// Where regions lie in one arena.
public struct MemoryPlacement: Sendable, Hashable {
  /// Offset of each region in bytes, a multiple of ``MemoryPlanner/alignment``.
  public var offsets: [Int]
  /// Bytes of the arena.
  public var byteCount: Int

  public init(offsets: [Int], byteCount: Int) {
    self.offsets = offsets
    self.byteCount = byteCount
  }
}
