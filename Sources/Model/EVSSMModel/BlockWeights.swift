import GraphIR
import Tensors

/// The tensors of a state dict under one prefix.
struct BlockWeights {
  let catalogue: TensorCatalogue
  let prefix: String

  func tensor(_ name: String) throws -> Tensor {
    guard let tensor = catalogue[prefix + name] else {
      throw EVSSMError(
        "evssm.missing-tensor", "The checkpoint has no such tensor; recognise its architecture before building it.",
        place: .init(node: prefix + name))
    }
    return tensor
  }

  /// Adds a tensor to a graph as a constant.
  /// - Parameter dropping: axes of size 1 that are left out
  func add(_ name: String, to graph: inout Graph, dropping: [Int] = []) throws -> ValueID {
    let tensor = try tensor(name)
    let shape = tensor.shape.enumerated().filter { !(dropping.contains($0.offset) && $0.element == 1) }.map(\.element)
    let view = try Tensor(dtype: tensor.dtype, shape: shape, storage: tensor.storage, byteOffset: tensor.byteOffset)
    return graph.addConstant(prefix + name, view)
  }
}
