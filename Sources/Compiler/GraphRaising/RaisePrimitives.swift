import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// Recognises EVSSM's operators in a graph of ONNX's.
///
/// One walk from the inputs to the outputs: each value is followed as the map that it shows (``MapView``), so that layouts
/// are seen through and only what is done to the maps is left, and what is done is brought into one form, so that different
/// ways to write a function meet in one operator. What the rules do not know is left as it is, with the reason.
package struct RaisePrimitives: Pass {
  package init() {}

  package static let name = "raise-primitives"
  package static let entersRegions = false

  /// The rules, one a family.
  static let rules: [any RaisingRule] = [
    LayoutRule(),
    GatherRule(),
    SliceRule(),
    SplitRule(),
    UnaryRule(),
    BinaryRule(),
    WhereRule(),
    ReductionRule(),
    NormalisationRule(),
    MatMulRule(),
    EinsumRule(),
    ConvolutionRule(),
    ResizeRule(),
    AveragePoolRule(),
    PadRule(),
    ScatterRule(),
    ConcatRule(),
    ScanRule(),
    LoopRule(),
    ReadoutRule(),
    PatchesRule(),
    PositionsRule(),
  ]
  private static let table: [String: [any RaisingRule]] = rules.reduce(into: [:]) { table, rule in
    for type in rule.types { table[type, default: []].append(rule) }
  }

  package func edit(_ graph: Graph) throws -> Edit {
    var raiser = Raiser(graph, pass: Self.name)
    guard graph.nodes.contains(where: { $0.op is Primitive }) else { return raiser.edit }
    for input in graph.inputs where Self.isPicture(graph[input].type) {
      raiser.maps.views[input] = MapView(input, graph[input].type)
    }
    for index in graph.nodes.indices { try Self.visit(index, &raiser) }
    try Self.replaceFrontier(&raiser)
    return raiser.edit
  }

  /// Whether an input is followed.
  static func isPicture(_ type: ValueType) -> Bool {
    type.dtype == .float32 && type.shape.count == 4 && type.shape[0] == 1 && type.shape[1].known != nil
  }

  private static func visit(_ index: Int, _ raiser: inout Raiser) throws {
    let node = raiser.source.nodes[index]
    if let windows = node.op as? Windows, node.inputs.count == 1 {
      raiser.site = node.name
      do { raiser.maps.views[node.outputs[0]] = try raiser.windows(windows, node.inputs[0]) } catch let mismatch
        as Mismatch
      {
        raiser.unknown[index] = mismatch.reason
      }
    }
    guard let primitive = node.op as? Primitive else { return }
    let site = RaisingSite(node: node, call: primitive.call, inputs: (try? primitive.call.placed(node.inputs)) ?? [])
    raiser.site = node.name
    for rule in table[primitive.call.type] ?? [] {
      do {
        guard case .raised(let views) = try rule.raise(site, &raiser) else { continue }
        for (value, view) in zip(node.outputs, views) { raiser.maps.views[value] = view }
        return
      } catch let mismatch as Mismatch {
        raiser.unknown[index] = mismatch.reason
        return
      }
    }
    // Computations on sizes are no part of the network.
    let operands = node.inputs.filter { raiser.source.constant($0) == nil && raiser.source[$0].sizes == nil }
    if operands.allSatisfy(raiser.isFollowed), !operands.isEmpty,
      node.outputs.contains(where: { raiser.source[$0].type.dtype.isFloatingPoint })
    {
      raiser.unknown[index] = "\(primitive.call.type) is not known as a part of the network here"
    }
  }

  /// Puts raised maps in the place of outputs, and of what the nodes read that were left as they are.
  private static func replaceFrontier(_ raiser: inout Raiser) throws {
    let graph = raiser.source
    var needed = Set(graph.outputs)
    for (index, node) in graph.nodes.enumerated().reversed() where node.outputs.contains(where: needed.contains) {
      guard node.outputs.contains(where: { needed.contains($0) && raiser.replacement(for: $0) == nil }) else {
        continue
      }
      needed.formUnion(node.inputs)
      if let reason = raiser.unknown[index] { raiser.edit.rejected(node.name, reason) }
    }
    for value in needed.sorted() where raiser.sourceProducers[value.index] != nil {
      guard let map = try raiser.materialised(value) else { continue }
      try raiser.edit.replace(value, with: map)
    }
  }
}

extension Raiser {
  /// Whether something is known of a value.
  fileprivate func isFollowed(_ value: ValueID) -> Bool {
    maps.views[value] != nil || patches.patches[value] != nil || scans.isFollowed(value)
  }

  /// The map that a value is, in shape and order too.
  func replacement(for value: ValueID) -> ValueID? {
    guard let view = maps.views[value], view.frame != nil, shape(value).count == 4 else { return nil }
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
