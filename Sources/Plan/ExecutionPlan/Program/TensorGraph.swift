import PrimitiveOperators
import Tensors

/// A graph of primitives in a plan: what it takes, what it gives, and how. Pure data, like the stages of other plans.
package struct TensorGraph: Sendable, Hashable {
  /// In the order in which a run takes tensors.
  package var inputs: [TensorPort]
  package var outputNames: [String]
  package var program: TensorProgram

  package init(inputs: [TensorPort], outputNames: [String], program: TensorProgram) {
    self.inputs = inputs
    self.outputNames = outputNames
    self.program = program
  }
}

/// An input of a graph: its name, element type and shape.
package struct TensorPort: Sendable, Hashable, CustomStringConvertible {
  package enum Size: Sendable, Hashable {
    case constant(Int)
    /// Any size; all sizes with one symbol are equal.
    case symbol(String)
  }

  package var name: String
  package var dtype: DType
  package var shape: [Size]

  package init(name: String, dtype: DType, shape: [Size]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }

  /// Such as `image: float32[1, 3, H, W]`.
  package var description: String {
    let sizes = shape.map { size in
      switch size {
      case .constant(let size): "\(size)"
      case .symbol(let symbol): EVSSMError.escaped(symbol)
      }
    }
    return "\(EVSSMError.escaped(name)): \(dtype.rawValue)[\(sizes.joined(separator: ", "))]"
  }

  /// The type with the sizes as symbols.
  package var type: ValueType {
    ValueType(
      dtype,
      shape.map { size in
        switch size {
        case .constant(let size): Dimension(size)
        case .symbol(let symbol): Dimension(symbol: symbol)
        }
      })
  }
}

/// Nodes over numbered values, each defined before it is used.
package struct TensorProgram: Sendable, Hashable {
  package var valueCount: Int
  package var inputs: [Int]
  package var outputs: [Int]
  package var constants: [Constant]
  package var nodes: [Node]

  /// A tensor in the weights.
  package struct Constant: Sendable, Hashable {
    package var value: Int
    package var dtype: DType
    package var shape: [Int]
    /// Its bytes, row-major and little-endian, padded to a multiple of 4.
    package var constant: ConstantID

    package init(value: Int, dtype: DType, shape: [Int], constant: ConstantID) {
      self.value = value
      self.dtype = dtype
      self.shape = shape
      self.constant = constant
    }
  }

  package struct Node: Sendable, Hashable {
    package var name: String
    package var call: PrimitiveCall
    /// Operands that are given, captures behind them.
    package var inputs: [Int]
    package var outputs: [Int]
    package var bodies: [TensorProgram]
    package var captureCount: Int

    /// Whether the node stands for the stages of the plan that holds the program.
    package var isNetwork: Bool { call == EmbeddedNetwork.call }

    package init(
      name: String, call: PrimitiveCall, inputs: [Int], outputs: [Int], bodies: [TensorProgram] = [],
      captureCount: Int = 0
    ) {
      self.name = name
      self.call = call
      self.inputs = inputs
      self.outputs = outputs
      self.bodies = bodies
      self.captureCount = captureCount
    }
  }

  package init(valueCount: Int, inputs: [Int], outputs: [Int], constants: [Constant], nodes: [Node]) {
    self.valueCount = valueCount
    self.inputs = inputs
    self.outputs = outputs
    self.constants = constants
    self.nodes = nodes
  }
}

extension TensorProgram {
  /// The program with its operators, ready to run.
  ///
  /// Throws `program.invalid`, and `graph.operator` and `graph.attribute` for what no operator is.
  /// - Parameter tensor: the tensor of a constant.
  package func prepared(depth: Int = 0, tensor: (Constant) throws -> Tensor) throws -> PrimitiveProgram {
    try Limits.check(depth, atMost: Limits.maxProgramDepth, name: "max_program_depth", "The nesting of programs")
    var constants: [Int: Tensor] = [:]
    for constant in self.constants {
      guard constants.updateValue(try tensor(constant), forKey: constant.value) == nil else {
        throw EVSSMError("program.invalid", "Value \(constant.value) of a program is two constants. Compile it again.")
      }
    }
    let nodes = try self.nodes.map { node in
      try PrimitiveProgram.Node(
        name: node.name, call: node.call, inputs: node.inputs, outputs: node.outputs,
        bodies: node.bodies.map { try $0.prepared(depth: depth + 1, tensor: tensor) }, captureCount: node.captureCount)
    }
    return try PrimitiveProgram(
      valueCount: valueCount, inputs: inputs, outputs: outputs, constants: constants, nodes: nodes)
  }
}

extension Limits {
  /// Programs inside programs.
  package static let maxProgramDepth = 8
  /// Inputs, and outputs, of a plan's graph.
  package static let maxPlanPorts = 4096
}
