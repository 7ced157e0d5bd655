import GraphIR
import Tensors

/// A model as a graph of primitives, and what importing it noted.
public struct ImportedGraph: Sendable {
  public var graph: Graph
  /// Names of the inputs and outputs, in order.
  public var inputNames: [String]
  public var outputNames: [String]
  /// What was odd and did not stop the import, such as a stated shape that contradicts the inferred one.
  public var notes: [String]
}

extension OnnxModel {
  public struct ImportOptions: Sendable {
    /// Whether files with external data may be symbolic links or have several names, as in a cache of models.
    public var followsLinks: Bool
    public init(followsLinks: Bool = false) { self.followsLinks = followsLinks }
  }

  /// The model as a graph: functions inlined, nodes sorted, types inferred, computations on shapes and small constants
  /// folded, what no output needs removed.
  ///
  /// Throws `onnx.…`, `graph.…` (which name the node), `protobuf.…`, `limit.exceeded`, and what reading external data
  /// throws.
  /// - Complexity: O(nodes + bytes), functions inlined.
  public func imported(_ options: ImportOptions = ImportOptions()) throws -> ImportedGraph {
    do { return try ModelImporter(self, options).run() } catch let error as EVSSMError {
      throw path.map { error.at(.init(file: $0)) } ?? error
    }
  }
}
