import GraphIR
import GraphRewriting
import Tensors

/// W·(n ⊙ w + b) + c = (W·diag(w))·n + (W·b + c): the affine part of an RMS norm goes into the matrices after it.
struct FoldNormIntoLinear: Pass {
  static let name = "fold-norm-into-linear"

  func edit(_ graph: Graph) throws -> Edit {
    var edit = Edit(of: graph, pass: Self.name)
    let uses = graph.useCounts
    for norm in graph.nodes where norm.op is RMSNorm && norm.inputs.count == 3 {
      let linears = graph.nodes.filter { $0.op is PointwiseLinear && $0.inputs[0] == norm.outputs[0] }
      guard let weight = graph.constant(norm.inputs[1]), let bias = graph.constant(norm.inputs[2]) else {
        edit.rejected(norm.name, "its weight or bias is not a constant")
        continue
      }
      guard !linears.isEmpty, linears.count == uses[norm.outputs[0].index],
        linears.allSatisfy({ $0.inputs.dropFirst().allSatisfy { graph.constant($0) != nil } })
      else {
        edit.rejected(norm.name, "not all that reads it are constant matrices")
        continue
      }
      let plain = try edit.addOne(norm.op, [norm.inputs[0]], name: norm.name)
      for linear in linears {
        let folded = try Self.fold(linear, graph, weight.doubles(), bias.doubles())
        let constants = [
          edit.constant(graph[linear.inputs[1]].name, folded.matrix), edit.constant(linear.name + ".bias", folded.bias),
        ]
        try edit.replace(
          linear.outputs[0], with: edit.addOne(PointwiseLinear(), [plain] + constants, name: linear.name))
        edit.applied(linear.name, "weight and bias of \(norm.name) go into the matrix and its bias")
      }
    }
    return edit
  }

  private static func fold(
    _ linear: Node, _ graph: Graph, _ weight: [Double], _ bias: [Double]
  ) throws -> (matrix: Tensor, bias: Tensor) {
    guard let matrix = graph.constant(linear.inputs[1]) else {
      throw EVSSMError("graph.constant", "The matrix is not a constant.", category: .internal)
    }
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    var values = matrix.doubles()
    var sums = [Double](repeating: 0, count: rows)
    if linear.inputs.count == 3, let old = graph.constant(linear.inputs[2]) { sums = old.doubles() }
    for row in 0..<rows {
      for column in 0..<columns {
        sums[row] += values[row * columns + column] * bias[column]
        values[row * columns + column] *= weight[column]
      }
    }
    return (try Tensor(shape: matrix.shape, doubles: values), try Tensor(shape: [rows], doubles: sums))
  }
}
