import GraphIR
import GraphRewriting
import Tensors

/// A half spectrum (C, 8, 5) becomes the real, even transfer function (C, 8, 8) that it amounts to.
///
/// `irfft2` drops the anti-Hermitian part of columns 0 and 4, so there the filter acts as
/// (filter[u] + filter[−u mod 8]) / 2; columns 5 to 7 are mirror images of 3 to 1.
struct SymmetriseSpectralFilter: Pass {
  static let name = "symmetrise-spectral-filter"

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    for node in graph.nodes where node.op is SpectralFilter {
      guard let half = graph.constant(node.inputs[1]) else {
        edit.rejected(node.name, "the filter is not a constant")
        continue
      }
      if half.shape[2] == 8 { continue }
      let full = edit.constant(graph[node.inputs[1]].name, try SpectralFilter.transferFunction(ofHalfSpectrum: half))
      try edit.replace(
        node.outputs[0], with: edit.addOne(SpectralFilter(), [node.inputs[0], full], name: node.name))
      edit.applied(node.name, "the half spectrum acts as a real, even transfer function")
    }
    return edit
  }
}
