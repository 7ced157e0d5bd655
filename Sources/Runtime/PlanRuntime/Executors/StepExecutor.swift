import CKernels
import ExecutionPlan

typealias Floats = UnsafeMutablePointer<Float>
typealias ConstFloats = UnsafePointer<Float>

/// A step bound to sizes and memory. Every worker of a team calls ``run(worker:team:scratch:)``, which allocates
/// nothing.
protocol StepExecutor: AnyObject, Sendable {
  /// - Parameter scratch: the worker's own memory, `BoundPlan.threadScratchByteCount`, which follows that of the worker
  ///   before it.
  func run(worker: Int, team: Team, scratch: Floats)
}

extension Floats {
  /// Zeroes `pixels` pixels of `pitch` floats.
  func clear(pixels: Int, pitch: Int) { update(repeating: 0, count: pixels * pitch) }
}

/// A map in the arena, upright.
struct MapView {
  let pixels: Floats
  let height: Int
  let width: Int
  let pitch: Int

  func pixel(_ y: Int, _ x: Int) -> Floats { pixels + (y * width + x) * pitch }
}

/// A packed matrix, what it is made of, and how many values each of its rows spans.
struct PackedMatrix {
  let values: UnsafeRawPointer
  let element: Precision
  let bias: ConstFloats?
  /// Columns, a multiple of 16.
  let width: Int
}
