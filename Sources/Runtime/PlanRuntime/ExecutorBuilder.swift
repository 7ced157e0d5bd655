import CKernels
import ExecutionPlan
import Tensors

/// Makes a bound plan's executors: the one place where an operation is matched with the code that runs it.
struct ExecutorBuilder {
  let plan: LoadedPlan
  let bound: BoundPlan
  let arena: Arena
  let picture: PictureBinding
  let kernels: UnsafePointer<evssm_kernels>

  func executor(_ index: Int) throws -> any StepExecutor {
    let scratch = arena.floats(at: bound.scratchByteOffsets[index])
    switch plan.plan.steps[index].operation {
    case .pictureConvolution(let step):
      return PictureConvolutionExecutor(
        picture: picture, output: map(step.output), weight: matrix(step.weight, step.channels), kernels: kernels)
    case .outputConvolution(let step):
      return try OutputConvolutionExecutor(
        step, picture: picture, input: map(step.input), weight: matrix(step.weight, 3), kernels: kernels)
    case .halveConvolution(let step):
      return try HalveConvolutionExecutor(
        step, input: map(step.input), output: map(step.output), weight: matrix(step.weight, step.outputChannels),
        kernels: kernels)
    case .doubleConvolution(let step):
      if let columns = step.panelColumns {
        return try ProductDoubleExecutor(
          step, panelColumns: columns, input: map(step.input), skip: map(step.skip), output: map(step.output),
          weight: constants.matrix(step.weight, width: 9 * Layout.pitch(step.outputChannels)), kernels: kernels)
      }
      return try DoubleConvolutionExecutor(
        step, input: map(step.input), skip: map(step.skip), output: map(step.output),
        weight: matrix(step.weight, step.outputChannels), kernels: kernels)
    case .scanStage(let step):
      return try ScanStageExecutor(
        step, input: map(step.input), output: map(step.output), weights: ScanStageWeights(step, constants),
        isReduced: plan.plan.precision == .bfloat16, scratch: scratch, kernels: kernels)
    case .feedForwardStage(let step):
      return try FeedForwardExecutor(
        step, input: map(step.input), output: map(step.output), weights: FeedForwardWeights(step, constants),
        shared: scratch,
        threadFloats: bound.threadScratchByteCount / MemoryLayout<Float>.stride, kernels: kernels)
    }
  }

  private func map(_ id: BufferID) -> MapView {
    let buffer = bound.buffers[id.rawValue]
    return MapView(
      pixels: arena.floats(at: buffer.byteOffset), height: buffer.height, width: buffer.width, pitch: buffer.pitch)
  }

  private func matrix(_ id: ConstantID, _ columns: Int) -> PackedMatrix {
    constants.matrix(id, width: Layout.pitch(columns))
  }

  private var constants: ConstantResolver {
    ConstantResolver(plan: plan, fallback: UnsafeRawPointer(arena.floats(at: 0)))
  }
}

extension ExecutionPlan.Operation {
  /// The map that the operation writes; nil for the one that writes the picture.
  var outputBuffer: BufferID? {
    switch self {
    case .pictureConvolution(let step): step.output
    case .scanStage(let step): step.output
    case .feedForwardStage(let step): step.output
    case .halveConvolution(let step): step.output
    case .doubleConvolution(let step): step.output
    case .outputConvolution: nil
    }
  }
}
