import GraphIR
import PrimitiveOperators
import Tensors

/// Recognises EVSSM's operators in a graph of ONNX's.
///
/// One walk from the inputs to the outputs: each value is followed as the map that it shows (``MapView``), so that layouts
/// are seen through and only what is done to the maps is left, and what is done is brought into one form, so that different
/// ways to write a function meet in one operator. What the rules do not know is left as it is, with the reason.
struct RaisePrimitives: Pass {
  static let name = "raise-primitives"
  static let entersRegions = false

  /// The rules, one a family.
  static let rules: [any LiftingRule] = [
    LiftLayout(),
    LiftGather(),
    LiftSlice(),
    LiftSplit(),
    LiftUnary(),
    LiftBinary(),
    LiftWhere(),
    LiftReduction(),
    LiftNormalisation(),
    LiftMatMul(),
    LiftEinsum(),
    LiftConvolution(),
    LiftResize(),
    LiftAveragePool(),
    LiftPad(),
    LiftScatter(),
    LiftConcat(),
    LiftScan(),
    LiftLoop(),
    LiftReadout(),
    LiftPatches(),
    LiftPositions(),
  ]
  private static let table: [String: [any LiftingRule]] = rules.reduce(into: [:]) { table, rule in
    for type in rule.types { table[type, default: []].append(rule) }
  }

  func edit(_ graph: Graph) throws -> Edit {
    var lifter = Lifter(graph, pass: Self.name)
    guard graph.nodes.contains(where: { $0.op is Primitive }) else { return lifter.edit }
    for input in graph.inputs where Self.isPicture(graph[input].type) {
      lifter.views[input] = MapView(input, graph[input].type)
    }
    for index in graph.nodes.indices { try Self.visit(index, &lifter) }
    try Self.replaceFrontier(&lifter)
    return lifter.edit
  }

  /// Whether an input is followed.
  static func isPicture(_ type: ValueType) -> Bool {
    type.dtype == .float32 && type.shape.count == 4 && type.shape[0] == 1 && type.shape[1].known != nil
  }

  private static func visit(_ index: Int, _ lifter: inout Lifter) throws {
    let node = lifter.source.nodes[index]
    if let windows = node.op as? Windows, node.inputs.count == 1 {
      lifter.site = node.name
      do { lifter.views[node.outputs[0]] = try lifter.windows(windows, node.inputs[0]) } catch let mismatch as Mismatch
      {
        lifter.unknown[index] = mismatch.reason
      }
    }
    guard let primitive = node.op as? Primitive else { return }
    let site = LiftingSite(node: node, call: primitive.call, inputs: (try? primitive.call.placed(node.inputs)) ?? [])
    lifter.site = node.name
    for rule in table[primitive.call.type] ?? [] {
      do {
        guard let views = try rule.lift(site, &lifter) else { continue }
        for (value, view) in zip(node.outputs, views) { lifter.views[value] = view }
        return
      } catch let mismatch as Mismatch {
        lifter.unknown[index] = mismatch.reason
        return
      }
    }
    // Computations on sizes are no part of the network.
    let operands = node.inputs.filter { lifter.source.constant($0) == nil && lifter.source[$0].sizes == nil }
    if operands.allSatisfy(lifter.isFollowed), !operands.isEmpty,
      node.outputs.contains(where: { lifter.source[$0].type.dtype.isFloatingPoint })
    {
      lifter.unknown[index] = "\(primitive.call.type) is not known as a part of the network here"
    }
  }

  /// Puts raised maps in the place of outputs, and of what the nodes read that were left as they are.
  private static func replaceFrontier(_ lifter: inout Lifter) throws {
    let graph = lifter.source
    var needed = Set(graph.outputs)
    for (index, node) in graph.nodes.enumerated().reversed() where node.outputs.contains(where: needed.contains) {
      guard node.outputs.contains(where: { needed.contains($0) && lifter.replacement(for: $0) == nil }) else {
        continue
      }
      needed.formUnion(node.inputs)
      if let reason = lifter.unknown[index] { lifter.edit.rejected(node.name, reason) }
    }
    for value in needed.sorted() where lifter.sourceProducers[value.index] != nil {
      guard let map = try lifter.materialised(value) else { continue }
      try lifter.edit.replace(value, with: map)
    }
  }
}

extension Lifter {
  /// Whether something is known of a value.
  fileprivate func isFollowed(_ value: ValueID) -> Bool {
    views[value] != nil || patches[value] != nil || points[value] != nil || recurrences[value] != nil
  }

  /// The map that a value is, in shape and order too.
  func replacement(for value: ValueID) -> ValueID? {
    guard let view = views[value], view.frame != nil, shape(value).count == 4 else { return nil }
    guard let frame = view.frame, source[value].type.dtype.isFloatingPoint else { return nil }
    let turned = view.reframed(view.map, by: frame)
    let shown = turned.axes.filter { !$0.isEmpty }.map { $0.map(\.axis) }
    let order: [[MapAxis]] = [[.channel], [.row], [.column]]
    return shown == order.filter { axis in shown.contains(axis) } ? view.map : nil
  }

  mutating func materialised(_ value: ValueID) throws -> ValueID? {
    guard replacement(for: value) != nil, let map = try plainMap(value), map != value,
      type(map) == source[value].type
    else { return nil }
    return map
  }
}
