import GraphIR
import Tensors

/// A model as a graph of primitives, and what importing it noted.
package struct ImportedGraph: Sendable {
  package var graph: Graph
  /// Names of the inputs and outputs, in order.
  package var inputNames: [String]
  package var outputNames: [String]
  /// What was odd and did not stop the import, such as a stated shape that contradicts the inferred one.
  package var notes: [String]
}

extension OnnxModel {
  package struct ImportOptions: Sendable {
    /// Whether files with external data may be symbolic links or have several names, as in a cache of models.
    package var followsLinks: Bool
    package init(followsLinks: Bool = false) { self.followsLinks = followsLinks }
  }

  /// The model as a graph: functions inlined, nodes sorted, types inferred, computations on shapes and small constants
  /// folded, what no output needs removed.
  ///
  /// Throws `onnx.…`, `graph.…` (which name the node), `protobuf.…`, `limit.exceeded`, and what reading external data
  /// throws.
  /// - Complexity: O(nodes + bytes), functions inlined.
  package func imported(_ options: ImportOptions = ImportOptions()) throws -> ImportedGraph {
    do { return try ModelImporter(self, options).run() } catch let error as EVSSMError {
      throw path.map { error.at(.init(file: $0)) } ?? error
    }
  }
}
