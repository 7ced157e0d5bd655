import ExecutionPlan
import PlanRuntime
import PrimitiveOperators
import Tensors

/// Plans of graphs, made by hand.
enum GraphPlan {
  /// An operand of a node: given to each run, or part of the plan.
  enum Operand {
    case input(Tensor)
    case constant(Tensor)
  }

  static let model = ModelDescription(
    architecture: "ONNX", hyperparameters: [], parameterCount: 0, windows: .whole, minimumSide: 1)

  /// One node on its operands; nil where one is left out. Also the tensors for a run.
  static func node(
    _ type: String, opset: Int = 22, _ attributes: [String: AttributeValue], _ operands: [Operand?], outputs: Int = 1
  ) throws -> (plan: LoadedPlan, inputs: [Tensor]) {
    var ports: [TensorPort] = []
    var inputs: [Tensor] = []
    var inputValues: [Int] = []
    var constants: [TensorProgram.Constant] = []
    var weights = Weights()
    var values: [Int] = []
    for operand in operands.compactMap({ $0 }) {
      let value = values.count
      values.append(value)
      switch operand {
      case .input(let tensor):
        ports.append(TensorPort(name: "x\(value)", dtype: tensor.dtype, shape: tensor.shape.map { .constant($0) }))
        inputs.append(tensor)
        inputValues.append(value)
      case .constant(let tensor):
        constants.append(.init(value: value, dtype: tensor.dtype, shape: tensor.shape, constant: weights.add(tensor)))
      }
    }
    let results = Array(values.count..<values.count + outputs)
    let call = PrimitiveCall(
      type, opset: opset, attributes: attributes, inputs: operands.map { $0 != nil },
      outputs: Array(repeating: true, count: outputs))
    let program = TensorProgram(
      valueCount: values.count + outputs, inputs: inputValues, outputs: results, constants: constants,
      nodes: [.init(name: "node", call: call, inputs: values, outputs: results)])
    let graph = TensorGraph(inputs: ports, outputNames: results.map { "y\($0)" }, program: program)
    let plan = Plan(model: model, buffers: [], steps: [], constants: weights.descriptions, graph: graph)
    return (try LoadedPlan(plan: plan, weights: weights.storage()), inputs)
  }

  /// Constants one behind the other, each on a line of 64 bytes.
  private struct Weights {
    var descriptions: [ConstantDescription] = []
    private var bytes: [UInt8] = []

    mutating func add(_ tensor: Tensor) -> ConstantID {
      let own = tensor.withUnsafeBytes(Array.init)
      descriptions.append(
        ConstantDescription(
          name: "constant \(descriptions.count)", byteOffset: bytes.count, count: max(1, (own.count + 3) / 4)))
      bytes += own
      bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64 + (own.isEmpty ? 64 : 0))
      return ConstantID(rawValue: descriptions.count - 1)
    }

    func storage() throws -> TensorStorage {
      try TensorStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
    }
  }
}
