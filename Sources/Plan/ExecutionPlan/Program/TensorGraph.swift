import PrimitiveOperators
import Tensors

/// A graph of primitives in a plan: what it takes, what it gives, and how. Pure data, like the stages of other plans.
public struct TensorGraph: Sendable, Hashable {
  /// In the order in which a run takes tensors.
  public var inputs: [TensorPort]
  public var outputNames: [String]
  public var program: TensorProgram

  public init(inputs: [TensorPort], outputNames: [String], program: TensorProgram) {
    self.inputs = inputs
    self.outputNames = outputNames
    self.program = program
  }
}

/// An input of a graph: its name, element type and shape.
public struct TensorPort: Sendable, Hashable, CustomStringConvertible {
  public enum Size: Sendable, Hashable {
    case constant(Int)
    /// Any size; all sizes with one symbol are equal.
    case symbol(String)
  }

  public var name: String
  public var dtype: DType
  public var shape: [Size]

  public init(name: String, dtype: DType, shape: [Size]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }

  /// Such as `image: float32[1, 3, H, W]`.
  public var description: String {
    let sizes = shape.map { size in
      switch size {
      case .constant(let size): "\(size)"
      case .symbol(let symbol): EVSSMError.escaped(symbol)
      }
    }
    return "\(EVSSMError.escaped(name)): \(dtype.rawValue)[\(sizes.joined(separator: ", "))]"
  }

  /// The type with the sizes as symbols.
  public var type: ValueType {
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
public struct TensorProgram: Sendable, Hashable {
  public var valueCount: Int
  public var inputs: [Int]
  public var outputs: [Int]
  public var constants: [Constant]
  public var nodes: [Node]

  /// A tensor in the weights.
  public struct Constant: Sendable, Hashable {
    public var value: Int
    public var dtype: DType
    public var shape: [Int]
    /// Its bytes, row-major and little-endian, padded to a multiple of 4.
    public var constant: ConstantID

    public init(value: Int, dtype: DType, shape: [Int], constant: ConstantID) {
      self.value = value
      self.dtype = dtype
      self.shape = shape
      self.constant = constant
    }
  }

  public struct Node: Sendable, Hashable {
    public var name: String
    public var call: PrimitiveCall
    /// Operands that are given, captures behind them.
    public var inputs: [Int]
    public var outputs: [Int]
    public var bodies: [TensorProgram]
    public var captureCount: Int

    /// Whether the node stands for the stages of the plan that holds the program.
    public var isNetwork: Bool { call == EmbeddedNetwork.call }

    public init(
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

  public init(valueCount: Int, inputs: [Int], outputs: [Int], constants: [Constant], nodes: [Node]) {
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
  public func prepared(depth: Int = 0, tensor: (Constant) throws -> Tensor) throws -> PrimitiveProgram {
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
  public static let maxProgramDepth = 8
  /// Inputs, and outputs, of a plan's graph.
  public static let maxPlanPorts = 4096
}
