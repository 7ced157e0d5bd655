import CKernels
import ExecutionPlan

typealias Floats = UnsafeMutablePointer<Float>
typealias ConstFloats = UnsafePointer<Float>

/// A step bound to sizes and memory. Every worker of a team calls ``run(worker:team:scratch:)``, which allocates
/// nothing.
protocol StepExecutor: AnyObject, Sendable {
  /// - Parameter scratch: the worker's private memory, at least `BoundPlan.threadScratchByteCount`.
  func run(worker: Int, team: Team, scratch: Floats)
}

/// A map in the arena, upright.
struct MapView {
  let pixels: Floats
  let height: Int
  let width: Int
  let pitch: Int

  func pixel(_ y: Int, _ x: Int) -> Floats { pixels + (y * width + x) * pitch }
}

/// The caller's picture while a run lasts: planar float32 (3, height, width).
final class PictureBinding: @unchecked Sendable {
  // Unchecked: written by the session before its threads start, read by them.
  var input: ConstFloats?
  var output: Floats?
  let height: Int
  let width: Int

  init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// The row or column of the picture that `position` of the padded picture shows.
  static func reflect(_ position: Int, _ size: Int) -> Int { position < size ? position : 2 * (size - 1) - position }
}

/// A packed matrix, what it is made of, and how many values each of its rows spans.
struct PackedMatrix {
  let values: UnsafeRawPointer
  let element: Precision
  let bias: ConstFloats?
  /// Columns, a multiple of 16.
  let width: Int
}
