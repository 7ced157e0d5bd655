import Tensors

@testable import OnnxWriter

/// Changes to a model that the writer made, as other exporters and optimisers, or mistakes, would have it.
extension OnnxDocument {
  /// The place of the node of this name.
  func place(of name: String) throws -> Int {
    guard let at = graph.nodes.firstIndex(where: { $0.name == name }) else {
      throw EVSSMError("test", "There is no node \(name).")
    }
    return at
  }

  /// The name of the node that adds a block's input to its scan's result.
  func residual(of block: String) throws -> String {
    let frame = graph.nodes[try place(of: block + ".change_frame")].outputs[0]
    guard let node = graph.nodes.first(where: { $0.op == "Add" && $0.inputs.contains(frame) }) else {
      throw EVSSMError("test", "\(block) adds nothing to its input.")
    }
    return node.name
  }

  mutating func edit(_ name: String, _ change: (inout OnnxNode) -> Void) throws {
    change(&graph.nodes[try place(of: name)])
  }

  mutating func setAttribute(_ node: String, _ name: String, _ value: OnnxAttribute) throws {
    try edit(node) {
      $0.attributes.removeAll { $0.name == name }
      $0.attributes.append((name, value))
    }
  }

  mutating func addConstant(_ name: String, _ shape: [Int], _ values: [Float]) throws -> String {
    graph.initializers.append(OnnxTensor(name: name, tensor: try Tensor(shape: shape, floats: values)))
    return name
  }

  mutating func addIntegers(_ name: String, _ values: [Int], isScalar: Bool = false) throws -> String {
    let shape = isScalar ? [] : [values.count]
    graph.initializers.append(
      OnnxTensor(name: name, tensor: try Tensor(dtype: .int64, shape: shape, integers: values.map { Int64($0) })))
    return name
  }

  /// Another tensor in the place of a constant, of the same shape unless it says another.
  mutating func replaceConstant(_ name: String, shape: [Int]? = nil, _ change: ([Float]) -> [Float]) throws {
    guard let at = graph.initializers.firstIndex(where: { $0.name == name }) else {
      throw EVSSMError("test", "There is no constant \(name).")
    }
    let old = graph.initializers[at].tensor
    graph.initializers[at].tensor = try Tensor(shape: shape ?? old.shape, floats: change(old.floats()))
  }
}

/// What ONNX Runtime's transpose optimiser does to the blocks whose map is transposed: the norm comes first.
extension OnnxDocument {
  private static let end = ".change_frame"

  /// Blocks whose map is transposed in front of the norm.
  var transposedBlocks: [String] {
    graph.nodes.filter { $0.op == "Transpose" && $0.name.hasSuffix(Self.end) }.map {
      String($0.name.dropLast(Self.end.count))
    }
  }

  /// Moves the transposes behind the norms that read them.
  mutating func moveTransposesBehindNorms() throws {
    for block in transposedBlocks {
      let frame = try place(of: block + Self.end)
      let (source, transposed) = (graph.nodes[frame].inputs[0], graph.nodes[frame].outputs[0])
      let end = try place(of: "\(block).norm1")
      let result = graph.nodes[end].outputs[0]
      for index in graph.nodes.indices where graph.nodes[index].name.hasPrefix("\(block).norm1") {
        graph.nodes[index].inputs = graph.nodes[index].inputs.map { $0 == transposed ? source : $0 }
      }
      graph.nodes[end].outputs = [result + ".plain"]
      graph.nodes.insert(
        OnnxNode(
          op: "Transpose", name: "\(block).norm1.turned", inputs: [result + ".plain"], outputs: [result],
          attributes: graph.nodes[frame].attributes),
        at: end + 1)
    }
  }
}

extension OnnxDocument {
  /// Moves the transposes behind the sums that follow, and the means of the norms behind those; `turnsScan` tells whether the
  /// scan's result is turned to fit them, as it must be.
  mutating func moveTransposesBehindResiduals(turnsScan: Bool = true) throws {
    for block in transposedBlocks {
      let frame = graph.nodes[try place(of: block + Self.end)]
      let (source, transposed) = (frame.inputs[0], frame.outputs[0])
      let at = try place(of: residual(of: block))
      var sum = graph.nodes[at]
      guard let scan = sum.inputs.first(where: { $0 != transposed }) else {
        throw EVSSMError("test", "\(block) adds a map to itself.")
      }
      let result = sum.outputs[0]
      sum.inputs = [source, turnsScan ? scan + ".turned" : scan]
      sum.outputs = [result + ".plain"]
      func turned(_ value: String, _ name: String) -> OnnxNode {
        OnnxNode(op: "Transpose", name: name, inputs: [value], outputs: [name], attributes: frame.attributes)
      }
      let before = turnsScan ? [turned(scan, scan + ".turned")] : []
      graph.nodes.replaceSubrange(at...at, with: before + [sum, turned(result + ".plain", result)])
      try edit("\(block).norm2.square") { $0.inputs = [result + ".plain", result + ".plain"] }
      let mean = try place(of: "\(block).norm2.mean")
      let name = graph.nodes[mean].outputs[0]
      graph.nodes[mean].outputs = [name + ".plain"]
      graph.nodes.insert(turned(name + ".plain", name), at: mean + 1)
    }
  }
}

/// How exporters write layer norms before operator set 17, and how hands do.
extension OnnxDocument {
  /// Writes every layer norm in pieces; with `isFlawed`, what is divided by the deviation still has its mean.
  mutating func layerNormsInPieces(isFlawed: Bool = false) throws {
    let axis = try addIntegers("pieces.axis", [-1])
    let epsilon = try addConstant("pieces.epsilon", [], [1e-5])
    graph.nodes = graph.nodes.flatMap { node -> [OnnxNode] in
      guard node.op == "LayerNormalization" else { return [node] }
      var nodes: [OnnxNode] = []
      func add(_ op: String, _ part: String, _ inputs: [String]) -> String {
        nodes.append(OnnxNode(op: op, name: "\(node.name).\(part)", inputs: inputs, outputs: ["\(node.name).\(part)"]))
        return "\(node.name).\(part)"
      }
      let x = node.inputs[0]
      let centred = add("Sub", "centred", [x, add("ReduceMean", "mean", [x, axis])])
      let variance = add("ReduceMean", "variance", [add("Mul", "square", [centred, centred]), axis])
      let root = add("Sqrt", "root", [add("Add", "shifted", [variance, epsilon])])
      let weighted = add("Mul", "weighted", [add("Div", "quotient", [isFlawed ? x : centred, root]), node.inputs[1]])
      nodes.append(OnnxNode(op: "Add", name: node.name, inputs: [weighted, node.inputs[2]], outputs: node.outputs))
      return nodes
    }
  }
}

/// How TorchScript's exporter writes paddings at any size: as a table of (before, after), last axis first, that is turned round.
extension OnnxDocument {
  enum PadFlaw: CaseIterable { case swapsSides, keepsOrder, readsColumnsAsRows }

  /// Puts that form in the place of the pads of every reflection.
  mutating func padAsTorchScript(_ flaw: PadFlaw? = nil) throws {
    var nodes: [OnnxNode] = []
    for node in graph.nodes {
      if node.op == "Pad",
        node.attributes.contains(where: { if case .string("reflect") = $0.value { true } else { false } })
      {
        nodes += try torchScriptPads(node, multiple: node.name == "pad" ? 4 : 8, flaw)
      } else {
        nodes.append(node)
      }
    }
    graph.nodes = nodes
  }

  private mutating func torchScriptPads(_ pad: OnnxNode, multiple: Int, _ flaw: PadFlaw?) throws -> [OnnxNode] {
    var nodes: [OnnxNode] = []
    func name(_ part: String) -> String { "\(pad.name).script.\(part)" }
    func add(
      _ op: String, _ part: String, _ inputs: [String], _ attributes: [(name: String, value: OnnxAttribute)] = []
    ) -> String {
      nodes.append(OnnxNode(op: op, name: name(part), inputs: inputs, outputs: [name(part)], attributes: attributes))
      return name(part)
    }
    let zero = try addIntegers(name("zero"), [0])
    let whole = try addIntegers(name("multiple"), [multiple], isScalar: true)
    let shape = add("Shape", "shape", [pad.inputs[0]])
    var missing: [String] = []
    for axis in flaw == .readsColumnsAsRows ? [2, 3] : [3, 2] {
      let size = add("Gather", "size\(axis)", [shape, try addIntegers(name("axis\(axis)"), [axis], isScalar: true)])
      let rest = add("Mod", "rest\(axis)", [add("Neg", "negative\(axis)", [size]), whole])
      missing.append(add("Unsqueeze", "missing\(axis)", [rest, zero]))
    }
    let sides = flaw == .swapsSides ? [missing[0], zero, missing[1], zero] : [zero, missing[0], zero, missing[1]]
    let given = add("Concat", "given", sides, [("axis", .int(0))])
    let others = add("ConstantOfShape", "others", [try addIntegers(name("four"), [4])])
    let padded = add("Cast", "others.integer", [others], [("to", .int(7))])
    let all = add("Concat", "all", [given, padded], [("axis", .int(0))])
    var table = add("Reshape", "table", [all, try addIntegers(name("pairs"), [-1, 2])])
    if flaw != .keepsOrder {
      let (last, end) = (try addIntegers(name("last"), [-1]), try addIntegers(name("end"), [-Int.max]))
      table = add("Slice", "turned", [table, last, end, zero, last])
    }
    let columns = add("Transpose", "columns", [table], [("perm", .ints([1, 0]))])
    var copy = pad
    copy.inputs[1] = add("Reshape", "pads", [columns, try addIntegers(name("flat"), [-1])])
    return nodes + [copy]
  }
}

/// How torch.export writes `total[:, :, rows, columns] += part`: along the columns of the rows, then along the rows, each time
/// with the written axis first; and then once more what is there already.
extension OnnxDocument {
  enum WindowFlaw: CaseIterable { case writesBeside, addsWhatIsElsewhere }

  /// Puts that form in the place of the sums over windows.
  mutating func scatterWindows(_ flaw: WindowFlaw? = nil) throws {
    var totals: [String: String] = [:]
    var nodes: [OnnxNode] = []
    for node in graph.nodes {
      let stage = node.name.components(until: ".window")
      if node.op == "Pad", node.name.hasSuffix(".placed") {
        let place = try WindowPlace(node, self)
        let total =
          try totals[stage] ?? addConstant(stage + ".zeros", place.shape, [Float](repeating: 0, count: place.count))
        var writer = WindowWriter(stage: node.name, place: place, flaw: totals.isEmpty ? nil : flaw)
        totals[stage] = try writer.write(node.inputs[0], into: total, &self)
        nodes += writer.nodes
      } else if node.op == "Div", let total = totals[node.name] {
        var copy = node
        copy.inputs[0] = total
        nodes.append(copy)
      } else if totals[stage] == nil || node.op != "Add" || !node.name.hasSuffix(".sum")
        || !node.inputs.allSatisfy({ $0.hasPrefix(stage) })
      {
        nodes.append(node)
      }
    }
    graph.nodes = nodes
  }

  fileprivate func integers(_ name: String) throws -> [Int] {
    guard let constant = graph.initializers.first(where: { $0.name == name }) else {
      throw EVSSMError("test", "There is no constant \(name).")
    }
    return constant.tensor.integers().map { Int($0) }
  }
}

extension String {
  fileprivate func components(until end: String) -> String {
    firstRange(of: end).map { String(self[..<$0.lowerBound]) } ?? self
  }
}

/// Where a window lies in its map.
private struct WindowPlace {
  var top, left, height, width: Int
  /// Of the map.
  var shape: [Int]
  var count: Int { shape.reduce(1, *) }

  /// Read off the padding around the window's result.
  init(_ pad: OnnxNode, _ document: OnnxDocument) throws {
    let part = document.graph.nodes[try document.place(of: pad.name.replacing(".placed", with: ".part"))]
    let (starts, ends, pads) = try (
      document.integers(part.inputs[1]), document.integers(part.inputs[2]), document.integers(pad.inputs[1])
    )
    (top, left, height, width) = (starts[0], starts[1], ends[0] - starts[0], ends[1] - starts[1])
    let channels = pad.name.contains("level1") ? 4 : pad.name.contains("level2") ? 8 : 16
    shape = [1, channels, ends[0] + pads[6], ends[1] + pads[7]]
  }
}

/// The nodes that add a window's result to a total.
private struct WindowWriter {
  let stage: String
  let place: WindowPlace
  let flaw: OnnxDocument.WindowFlaw?
  var nodes: [OnnxNode] = []

  mutating func write(_ result: String, into total: String, _ document: inout OnnxDocument) throws -> String {
    let row = flaw == .addsWhatIsElsewhere ? 0 : place.top
    let old = try cut("old", total, row: row, column: place.left, &document)
    let sum = add("Add", "added", [old.part, result])
    let once = try scattered("once", sum, total, &document)
    let again = try cut("again", once, row: place.top, column: place.left, &document)
    return try scattered("twice", again.part, once, &document)
  }

  private mutating func add(
    _ op: String, _ part: String, _ inputs: [String], _ attributes: [(name: String, value: OnnxAttribute)] = []
  ) -> String {
    let name = "\(stage).scatter.\(part)"
    nodes.append(OnnxNode(op: op, name: name, inputs: inputs, outputs: [name], attributes: attributes))
    return name
  }

  private mutating func transposed(_ part: String, _ value: String, _ order: [Int]) -> String {
    add("Transpose", part, [value], [("perm", .ints(order))])
  }

  private mutating func range(
    _ part: String, _ value: String, _ start: Int, _ count: Int, axis: Int, _ document: inout OnnxDocument
  ) throws -> String {
    let bounds = try [("start", start), ("end", start + count), ("axis", axis)].map { name, number in
      try document.addIntegers("\(stage).scatter.\(part).\(name)", [number])
    }
    return add("Slice", part, [value] + bounds)
  }

  private mutating func cut(_ part: String, _ total: String, row: Int, column: Int, _ document: inout OnnxDocument)
    throws -> (rows: String, part: String)
  {
    let rows = try range(part + ".rows", total, row, place.height, axis: 2, &document)
    return (rows, try range(part + ".part", rows, column, place.width, axis: 3, &document))
  }

  private mutating func scattered(_ part: String, _ window: String, _ total: String, _ document: inout OnnxDocument)
    throws -> String
  {
    let rows = try range(part + ".band", total, place.top, place.height, axis: 2, &document)
    let shift = flaw == .writesBeside ? (place.left == 0 ? 1 : -1) : 0
    let columnIndices = try document.addPlaces("\(stage).scatter.\(part).columns", place.left + shift, place.width)
    let rowIndices = try document.addPlaces("\(stage).scatter.\(part).rows", place.top, place.height)
    let (base, update) = (
      transposed(part + ".base", rows, [3, 1, 2, 0]), transposed(part + ".update", window, [3, 1, 2, 0])
    )
    let band = transposed(
      part + ".turned", add("ScatterND", part + ".inner", [base, columnIndices, update]), [2, 1, 3, 0])
    let whole = add(
      "ScatterND", part + ".outer", [transposed(part + ".total", total, [2, 1, 0, 3]), rowIndices, band])
    return transposed(part, whole, [2, 1, 0, 3])
  }
}

extension OnnxDocument {
  /// Neighbouring places along an axis, as ScatterND has them.
  fileprivate mutating func addPlaces(_ name: String, _ start: Int, _ count: Int) throws -> String {
    let tensor = try Tensor(dtype: .int64, shape: [count, 1], integers: (0..<count).map { Int64(start + $0) })
    graph.initializers.append(OnnxTensor(name: name, tensor: tensor))
    return name
  }
}
