import ExecutionPlan
import PlanRuntime
import Tensors

/// Sessions of one plan by picture size; they share the threads. Holds at most ``capacity``, the latest used, or one
/// for tiles.
package struct SessionCache {
  static let capacity = 4
  /// Bytes of memory of a session that is kept for the next picture. Allocating a larger one takes some milliseconds for each
  /// 100 MiB, where the run takes seconds.
  static let maxKeptByteCount = 128 << 20

  let plan: LoadedPlan
  let workers: Workers
  private var sessions: [PlanSession] = []
  private var tiled: TiledSession?

  package init(plan: LoadedPlan, workers: Workers) {
    self.plan = plan
    self.workers = workers
  }

  /// The session for pictures of this size. The first of a size binds the plan and allocates its memory.
  package mutating func session(width: Int, height: Int) throws -> PlanSession {
    if let index = sessions.firstIndex(where: { $0.width == width && $0.height == height }) {
      let session = sessions.remove(at: index)
      sessions.append(session)
      return session
    }
    if sessions.count == Self.capacity { sessions.removeFirst() }
    let session = try PlanSession(plan: plan, height: height, width: width, workers: workers)
    sessions.append(session)
    return session
  }

  /// The session for pictures that are cut so.
  mutating func tiledSession(_ grid: TileGrid) throws -> TiledSession {
    if let tiled, tiled.grid == grid { return tiled }
    tiled = nil
    let session = try TiledSession(plan: plan, grid: grid, workers: workers)
    tiled = session
    return session
  }

  /// Gives back all memory but that of the session for `grid`.
  mutating func keepOnly(_ grid: TileGrid) {
    if tiled?.grid != grid { tiled = nil }
    sessions.removeAll { !grid.isWhole || $0.width != grid.width || $0.height != grid.height }
  }

  /// Gives back the memory of large sessions, so that it does not add up over pictures, nor to what writing one takes.
  mutating func giveBackLarge() { sessions.removeAll { $0.memoryByteCount > Self.maxKeptByteCount } }

  mutating func removeAll() {
    tiled = nil
    sessions = []
  }
}
