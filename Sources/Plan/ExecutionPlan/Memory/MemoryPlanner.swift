import Tensors

/// Lays regions with live ranges into one arena: a pure function, whose result ``MemoryPlanChecker`` proves.
///
/// Greedy placement by several orders, each with two ways to choose a gap; the smallest arena wins, and the search
/// stops at the lower bound. Source: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference"
/// (arXiv 2001.03288), greedy by size.
package enum MemoryPlanner {
  /// Offsets are multiples of this many bytes: a cache line, and the widest vector.
  package static let alignment = 64
  /// Above this many regions only the first order is tried.
  static let maxRegionsToSearch = 1024

  /// Offsets such that no two regions that are live together share a byte. The same regions give the same placement.
  ///
  /// Throws when a region is malformed or the regions' sum overflows.
  /// - Complexity: O(n²) for n regions.
  package static func place(_ regions: [MemoryRegion]) throws -> MemoryPlacement {
    let aligned = try regions.map(checked)
    let bound = try lowerBound(aligned)
    var best: MemoryPlacement?
    for order in orders(aligned).prefix(aligned.count > maxRegionsToSearch ? 1 : .max) {
      let order = aligned.indices.sorted { order(aligned[$0], aligned[$1]) ?? ($0 < $1) }
      for choice in GapChoice.allCases {
        let placement = place(aligned, order: order, choice: choice)
        if placement.byteCount < best?.byteCount ?? .max { best = placement }
        if placement.byteCount == bound { return placement }
      }
    }
    return best ?? MemoryPlacement(offsets: [], byteCount: 0)
  }

  /// Bytes of the largest set of regions that are live together: no arena can be smaller.
  ///
  /// - Complexity: O(n log n).
  package static func lowerBound(_ regions: [MemoryRegion]) throws -> Int {
    var changes: [(step: Int, bytes: Int)] = []
    for region in try regions.map(checked) {
      changes.append((region.firstStep, region.byteCount))
      changes.append((region.lastStep + 1, -region.byteCount))
    }
    var live = 0
    var largest = 0
    // At one step, what ends is taken away before what starts is added.
    for change in changes.sorted(by: { ($0.step, $0.bytes) < ($1.step, $1.bytes) }) {
      live = try Checked.add(live, change.bytes, "The size of the feature maps")
      largest = max(largest, live)
    }
    return largest
  }

  private enum GapChoice: CaseIterable { case smallest, first }

  /// Which of two regions is placed first; nil when they tie.
  private typealias Order = (MemoryRegion, MemoryRegion) -> Bool?

  private static func orders(_ regions: [MemoryRegion]) -> [Order] {
    func descending(_ keys: ((MemoryRegion) -> Int)...) -> Order {
      { a, b in
        for key in keys where key(a) != key(b) { return key(a) > key(b) }
        return nil
      }
    }
    let size = { (region: MemoryRegion) in region.byteCount }
    let duration = { (region: MemoryRegion) in region.lastStep - region.firstStep }
    return [
      descending(size, duration), descending(duration, size), descending({ -$0.firstStep }, size),
      descending({ $0.lastStep }, size), descending({ $0.firstStep }, size),
    ]
  }

  /// The region with its size rounded up to the alignment. Throws unless 0 ≤ firstStep ≤ lastStep < 2^32.
  private static func checked(_ region: MemoryRegion) throws -> MemoryRegion {
    guard region.byteCount >= 0, region.firstStep >= 0, region.lastStep >= region.firstStep,
      region.lastStep < 1 << 32
    else { throw EVSSMError("plan.memory-region", "A memory region has a negative size or an empty live range.") }
    var region = region
    region.byteCount = try Checked.roundUp(region.byteCount, to: alignment)
    return region
  }

  /// One pass of greedy placement. The regions' sum fits in an `Int`, so no offset overflows.
  private static func place(_ regions: [MemoryRegion], order: [Int], choice: GapChoice) -> MemoryPlacement {
    var placement = MemoryPlacement(offsets: Array(repeating: 0, count: regions.count), byteCount: 0)
    var placed: [PlacedRegion] = []
    for index in order where regions[index].byteCount > 0 {
      let offset = gap(for: regions[index], among: placed, choice: choice)
      placement.offsets[index] = offset
      placement.byteCount = max(placement.byteCount, offset + regions[index].byteCount)
      let position = placed.firstIndex { $0.offset > offset } ?? placed.count
      placed.insert(PlacedRegion(region: regions[index], offset: offset), at: position)
    }
    return placement
  }

  private struct PlacedRegion {
    var region: MemoryRegion
    var offset: Int
  }

  /// The start of a gap between the regions live with `region`, or the end of them all. `placed` ascends by offset.
  private static func gap(for region: MemoryRegion, among placed: [PlacedRegion], choice: GapChoice) -> Int {
    var end = 0
    var best: (offset: Int, size: Int)?
    for other in placed where other.region.isLive(with: region) {
      let size = other.offset - end
      if size >= region.byteCount, size < best?.size ?? .max {
        best = (end, size)
        if choice == .first { break }
      }
      end = max(end, other.offset + other.region.byteCount)
    }
    return best?.offset ?? end
  }
}
