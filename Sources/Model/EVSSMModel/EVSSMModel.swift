import GraphIR
import Tensors

/// Builds the graph of an EVSSM network from its weights.
package enum EVSSMModel {
  /// The network exactly as it is written, nothing folded: padding, changes of frame, windows and norms are all nodes.
  ///
  /// One input, `picture`, float32 (1, 3, H, W) in [0, 1], H and W at least ``EVSSMArchitecture/minimumSide``; one
  /// output of the same shape, not clamped. Nodes are named by their place in the model, the results of a block's two
  /// halves `….scan_stage` and `….feed_forward_stage`.
  ///
  /// - Parameters:
  ///   - catalogue: a state dict for which `architecture` was recognised
  ///   - windows: how the scan stages divide their maps
  ///   - windowSides: sides of the windows at levels 1, 2, 3, for tests; by default those of the released network
  package static func graph(
    _ catalogue: TensorCatalogue, _ architecture: EVSSMArchitecture, windows: WindowMode = .released,
    windowSides: [Int] = EVSSMArchitecture.releasedWindowSides
  ) throws -> Graph {
    try architecture.validate()
    try StateDictDifference(catalogue, architecture).check()
    guard windowSides.count == 3, windowSides.allSatisfy({ $0 > 0 }) else {
      throw EVSSMError("evssm.windows", "Three positive window sides are needed, not \(windowSides).", category: .usage)
    }
    let sides = windows == .released ? windowSides.map(Optional.some) : [nil, nil, nil]
    var builder = EVSSMGraphBuilder(catalogue: catalogue, architecture: architecture, windowSides: sides)
    let graph = try builder.network().ordered()
    try Verifier.check(graph, after: "the EVSSM model")
    return graph
  }
}
