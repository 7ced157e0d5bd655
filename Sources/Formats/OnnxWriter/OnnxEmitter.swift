import GraphIR
import Tensors

/// An operand of a node that is being written.
struct OnnxOperand {
  /// The name of the value in the ONNX graph; of a constant, the name that its initializer will have.
  var name: String
  var type: ValueType
  var constant: Tensor?
}

/// A node that is being written.
struct OnnxPlace {
  var name: String
  var operands: [OnnxOperand]
  var results: [ValueType]
}

/// An operator that is written as ONNX nodes. One file a family.
protocol OnnxEmittable: Operator {
  /// Adds the nodes and returns the names of the results.
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String]
}

/// The size of an axis while nodes are written: known, or an int64 vector of one element. Not a `Dimension`: this one
/// names a value of the graph that is written.
enum OnnxSize: Hashable {
  case known(Int)
  case value(String)
}

/// Collects the nodes of an ONNX graph.
///
/// The same calls give the same names and the same order.
struct OnnxEmitter {
  let opset: Int
  let scanForm: OnnxWriter.ScanForm
  private(set) var initializers: [OnnxTensor] = []
  private var initializerIndices: [String: Int] = [:]
  private(set) var functions: [OnnxFunction] = []
  private(set) var scope: Scope
  private var outer: [Scope] = []
  private var names: Set<String> = []

  /// The nodes of one graph, or of the part of one in which sizes are bound in a certain way.
  struct Scope {
    var nodes: [OnnxNode] = []
    /// Appended to names, so that several copies of a body can stand side by side.
    var suffix = ""
    /// Sizes of symbols that are known.
    var sizes: SymbolSizes
    /// An axis of a value that has a certain size.
    var axes: [Dimension: (value: String, axis: Int)] = [:]
    /// Sizes that nodes compute already.
    var computed: [Dimension: String] = [:]
  }

  init(opset: Int, scanForm: OnnxWriter.ScanForm, sizes: SymbolSizes) {
    self.opset = opset
    self.scanForm = scanForm
    scope = Scope(sizes: sizes)
  }
}

// MARK: - Graphs

extension OnnxEmitter {
  /// Writes the nodes of `graph`, whose inputs have the names `inputs`, and returns the names of its outputs.
  mutating func emit(_ graph: Graph, inputs: [String]) throws -> [String] {
    var known: [ValueID: String] = [:]
    for (id, name) in zip(graph.inputs, inputs) {
      known[id] = name
      noteAxes(of: name, graph[id].type)
    }
    for node in graph.nodes {
      guard let op = node.op as? any OnnxEmittable else {
        throw EVSSMError(
          "onnx.no-form", "The ONNX writer has no form for the operator \(type(of: node.op).name).",
          category: .internal,
          place: .init(node: node.name))
      }
      let operands = node.inputs.map { id in
        OnnxOperand(name: known[id] ?? graph[id].name, type: graph[id].type, constant: graph.constant(id))
      }
      let place = OnnxPlace(name: node.name, operands: operands, results: node.outputs.map { graph[$0].type })
      for (id, name) in zip(node.outputs, try op.emit(place, &self)) {
        known[id] = name
        noteAxes(of: name, graph[id].type)
      }
    }
    return graph.outputs.compactMap { known[$0] }
  }

  private mutating func noteAxes(of name: String, _ type: ValueType) {
    for (axis, size) in type.shape.enumerated() where scope.axes[size] == nil { scope.axes[size] = (name, axis) }
  }

  /// Writes nodes with other sizes and names; they end up among the nodes of the present scope.
  mutating func withCopy<Result>(
    suffix: String, sizes: SymbolSizes, _ body: (inout OnnxEmitter) throws -> Result
  ) rethrows -> Result {
    let (saved, axes, computed) = (scope, scope.axes, scope.computed)
    scope.suffix += suffix
    scope.sizes = sizes
    scope.axes = [:]
    scope.computed = [:]
    let result = try body(&self)
    scope.suffix = saved.suffix
    scope.sizes = saved.sizes
    scope.axes = axes
    scope.computed = computed
    return result
  }

  /// The nodes that `body` writes, apart from those of the present scope.
  mutating func inner(sizes: SymbolSizes, _ body: (inout OnnxEmitter) throws -> Void) rethrows -> [OnnxNode] {
    outer.append(scope)
    scope = Scope(suffix: scope.suffix, sizes: sizes)
    defer { scope = outer.removeLast() }
    try body(&self)
    return scope.nodes
  }

  mutating func addFunction(_ function: OnnxFunction) {
    if !functions.contains(where: { $0.name == function.name }) { functions.append(function) }
  }
}

// MARK: - Nodes

extension OnnxEmitter {
  /// A name that no other value has.
  mutating func unique(_ name: String) -> String {
    let base = name + scope.suffix
    var candidate = base
    var count = 1
    while !names.insert(candidate).inserted {
      count += 1
      candidate = "\(base).\(count)"
    }
    return candidate
  }

  /// Adds a node with one result, which is named like the node.
  mutating func add(
    _ op: String, _ inputs: [String], _ attributes: [(name: String, value: OnnxAttribute)] = [], name: String,
    domain: String = ""
  ) -> String {
    let result = unique(name)
    scope.nodes.append(
      OnnxNode(op: op, domain: domain, name: result, inputs: inputs, outputs: [result], attributes: attributes))
    return result
  }

  /// Adds a node with several results.
  mutating func add(
    _ op: String, _ inputs: [String], _ attributes: [(name: String, value: OnnxAttribute)] = [], name: String,
    results: [String]
  ) -> [String] {
    let outputs = results.map { unique($0) }
    scope.nodes.append(
      OnnxNode(op: op, name: unique(name), inputs: inputs, outputs: outputs, attributes: attributes))
    return outputs
  }

  /// Appends nodes that are complete already.
  mutating func append(_ nodes: [OnnxNode]) { scope.nodes += nodes }
}

// MARK: - Constants

extension OnnxEmitter {
  /// The initializer of a floating-point constant, as float32 and in another shape of as many elements.
  mutating func weight(_ operand: OnnxOperand, shape: [Int]? = nil) throws -> String {
    guard let tensor = operand.constant else {
      throw EVSSMError(
        "onnx.constant", "An operand must be a constant to be written to ONNX.", category: .usage,
        place: .init(node: operand.name))
    }
    let single = try tensor.converted(to: .float32)
    let shaped = try Tensor(
      dtype: .float32, shape: shape ?? tensor.shape, storage: single.storage, byteOffset: single.byteOffset)
    return addInitializer(operand.name, shaped)
  }

  /// The name of an operand: of the value that it is, or of the initializer of the constant.
  mutating func value(_ operand: OnnxOperand) throws -> String {
    operand.constant == nil ? operand.name : try weight(operand)
  }

  /// An int64 vector.
  mutating func ints(_ values: [Int]) throws -> String {
    let name = "ints." + values.map(String.init).joined(separator: "_")
    let tensor = try Tensor(dtype: .int64, shape: [values.count]) { out in
      for (i, value) in values.enumerated() { out.storeBytes(of: Int64(value), toByteOffset: i * 8, as: Int64.self) }
    }
    return addInitializer(name, tensor)
  }

  /// A float32 scalar.
  mutating func scalar(_ value: Double) throws -> String {
    addInitializer("float.\(Float(value))", try Tensor(shape: [], floats: [Float(value)]))
  }

  /// Adds a tensor once: an equal one under the same name is taken again, another one gets another name.
  mutating func addInitializer(_ name: String, _ tensor: Tensor) -> String {
    var candidate = name
    var count = 1
    while let known = initializerIndices[candidate] {
      if initializers[known].tensor.isIdentical(to: tensor) { return candidate }
      count += 1
      candidate = "\(name).\(count)"
    }
    names.insert(candidate)
    initializerIndices[candidate] = initializers.count
    initializers.append(OnnxTensor(name: candidate, tensor: tensor))
    return candidate
  }
}

extension Tensor {
  fileprivate func isIdentical(to other: Tensor) -> Bool {
    dtype == other.dtype && shape == other.shape
      && withUnsafeBytes { a in other.withUnsafeBytes { b in a.elementsEqual(b) } }
  }
}

// MARK: - Sizes

extension OnnxEmitter {
  /// A size as a number, or as a value that nodes compute from the shape of a value that has it.
  mutating func size(_ dimension: Dimension) throws -> OnnxSize {
    if dimension.symbols.isSubset(of: scope.sizes.keys) { return .known(try dimension.bound(scope.sizes)) }
    if let known = scope.computed[dimension] { return .value(known) }
    guard let (value, axis) = scope.axes[dimension] else {
      throw EVSSMError("onnx.size", "No value has the size \(dimension).", category: .internal)
    }
    let result = add(
      "Shape", [value], [("start", .int(axis)), ("end", .int(axis + 1))], name: "\(value).axis\(axis)")
    scope.computed[dimension] = result
    return .value(result)
  }

  /// An int64 vector of sizes.
  mutating func vector(_ sizes: [OnnxSize], name: String) throws -> String {
    let known = sizes.compactMap { size in if case .known(let value) = size { value } else { nil } }
    if known.count == sizes.count { return try ints(known) }
    let parts = try sizes.map { size in
      switch size {
      case .known(let value): try ints([value])
      case .value(let name): name
      }
    }
    return add("Concat", parts, [("axis", .int(0))], name: name)
  }

  /// A function of two sizes: computed now when both are known.
  mutating func arithmetic(
    _ op: String, _ a: OnnxSize, _ b: OnnxSize, name: String, _ known: (Int, Int) -> Int
  ) throws -> OnnxSize {
    if case .known(let x) = a, case .known(let y) = b { return .known(known(x, y)) }
    return .value(add(op, [try vector([a], name: name), try vector([b], name: name)], name: name))
  }
}
