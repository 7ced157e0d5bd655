import ExecutionPlan
import Imaging
import NumpyFormat
import PlanRuntime
import Tensors

/// Restores pictures with a plan that runs a graph from one picture to one picture. Not reentrant.
package struct GraphPictureRunner {
  let session: TensorSession

  package init(session: TensorSession) { self.session = session }

  /// Whether a graph takes one picture, float32 (1, 3, H, W), and gives one tensor.
  package static func canRun(_ graph: TensorGraph) -> Bool {
    guard graph.inputs.count == 1, graph.outputNames.count == 1, let port = graph.inputs.first else { return false }
    return port.dtype == .float32 && port.shape.count == 4 && port.shape[0] == .constant(1)
      && port.shape[1] == .constant(3)
  }

  /// Restores the picture of one file. An error is part of the outcome, such as for a size that the graph does not run.
  package func run(_ item: RestorationItem) -> RestorationOutcome {
    RestorationOutcome.catching(item) { outcome in
      let source = try PictureData.read(path: item.input)
      (outcome.width, outcome.height) = (source.width, source.height)
      let input = try Tensor(shape: [1, 3, source.height, source.width], floats: source.planes)
      let start = ContinuousClock.now
      let result = try session.run([input])[0]
      outcome.seconds = (ContinuousClock.now - start).seconds
      outcome.notes = source.notes + (try Self.write(result, source, item))
    }
  }

  /// Writes the result: a tensor as it is where a tensor came in, else a picture.
  private static func write(_ result: Tensor, _ source: PictureData, _ item: RestorationItem) throws -> [String] {
    if PictureFile.isArray(item.output), try isBatch(item.input) {
      try NumpyFile.write(result, to: item.output)
      return []
    }
    guard result.dtype.isFloatingPoint, result.shape.count == 4, result.shape[0] == 1, result.shape[1] == 3 else {
      throw EVSSMError(
        "run.shape",
        "The graph gives \(ValueType(of: result)), which is no picture. Give the input with --input name=file.npy, and "
          + "write to a .npz file.", category: .usage)
    }
    let keepsSize = result.shape[2] == source.height && result.shape[3] == source.width
    let picture = PictureData(
      planes: result.floats(), width: result.shape[3], height: result.shape[2], alpha: keepsSize ? source.alpha : nil,
      notes: [])
    let dropped = keepsSize || source.alpha == nil ? [] : ["the alpha channel was dropped: the result has another size"]
    let notes = dropped + (try picture.write(to: item.output))
    if let path = item.comparison { try source.writeComparison(with: picture, to: path) }
    return notes
  }

  /// Whether a file is an array with a batch axis, (1, 3, H, W).
  private static func isBatch(_ path: String) throws -> Bool {
    guard try SourcePicture.isArray(path: path) else { return false }
    return try NumpyFile.shape(path: path).count == 4
  }
}
