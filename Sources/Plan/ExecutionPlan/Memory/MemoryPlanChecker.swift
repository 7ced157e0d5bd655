import Tensors

/// Proves a placement: shares no code with ``MemoryPlanner``, and also judges placements that were read from a file.
package enum MemoryPlanChecker {
  /// Throws `plan.arena-overlap` when two regions that are live together share a byte, `plan.arena-bounds` when one
  /// does not lie inside the arena, `plan.arena-alignment` when one does not start on a 64-byte line.
  ///
  /// - Complexity: O(n log n + n · live regions).
  package static func check(_ regions: [MemoryRegion], _ placement: MemoryPlacement) throws {
    guard placement.offsets.count == regions.count else {
      throw EVSSMError("plan.arena-bounds", "\(placement.offsets.count) offsets do not place \(regions.count) regions.")
    }
    for (region, offset) in zip(regions, placement.offsets) { try checkBounds(region, offset, placement.byteCount) }
    let used = regions.indices.filter { regions[$0].byteCount > 0 }
    var live: [Int] = []
    for index in used.sorted(by: { (regions[$0].firstStep, $0) < (regions[$1].firstStep, $1) }) {
      live.removeAll { regions[$0].lastStep < regions[index].firstStep }
      try insert(index, into: &live, regions, placement.offsets)
    }
  }

  private static func checkBounds(_ region: MemoryRegion, _ offset: Int, _ arena: Int) throws {
    guard offset >= 0, region.byteCount >= 0, try Checked.add(offset, region.byteCount) <= arena else {
      throw EVSSMError(
        "plan.arena-bounds",
        "A region of \(region.byteCount) bytes at \(offset) does not lie in the arena of \(arena) bytes. Compile the plan again."
      )
    }
    guard offset % 64 == 0 else {
      throw EVSSMError(
        "plan.arena-alignment", "A region lies at \(offset), not on a 64-byte line. Compile the plan again.")
    }
  }

  /// Keeps `live` in ascending order of offset, where only neighbours can overlap.
  private static func insert(_ index: Int, into live: inout [Int], _ regions: [MemoryRegion], _ offsets: [Int]) throws {
    let start = offsets[index]
    let position = live.firstIndex { offsets[$0] >= start } ?? live.count
    let startsInside = position > 0 && offsets[live[position - 1]] + regions[live[position - 1]].byteCount > start
    let reachesNext = position < live.count && start + regions[index].byteCount > offsets[live[position]]
    if startsInside || reachesNext {
      throw EVSSMError(
        "plan.arena-overlap",
        "Two regions of the arena share bytes at \(start) while step \(regions[index].firstStep) needs both. Compile the plan again."
      )
    }
    live.insert(index, at: position)
  }
}
