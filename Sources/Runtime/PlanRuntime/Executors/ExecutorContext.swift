import CKernels
import ExecutionPlan

/// What an executor is made from beside its operation: the memory, the weights and the kernels of one step of a bound plan.
struct ExecutorContext {
  let plan: LoadedPlan
  let bound: BoundPlan
  let arena: Arena
  let picture: PictureBinding
  let kernels: UnsafePointer<evssm_kernels>
  /// The step's index in the plan.
  var step = 0

  /// The step's scratch memory, which the threads share.
  var scratch: Floats { arena.floats(at: bound.scratchByteOffsets[step]) }

  /// How far the threads' own memory lies apart.
  var threadFloats: Int { bound.threadScratchByteCount / MemoryLayout<Float>.stride }

  /// What the plan's matrices compute in.
  var precision: Precision { plan.plan.precision }

  var constants: ConstantResolver {
    ConstantResolver(plan: plan, fallback: UnsafeRawPointer(arena.floats(at: 0)))
  }

  func map(_ id: BufferID) -> MapView {
    let buffer = bound.buffers[id.rawValue]
    return MapView(
      pixels: arena.floats(at: buffer.byteOffset), height: buffer.height, width: buffer.width, pitch: buffer.pitch)
  }

  /// A packed matrix of `columns` columns before padding.
  func matrix(_ id: ConstantID, columns: Int) -> PackedMatrix {
    constants.matrix(id, width: Layout.pitch(columns))
  }
}
