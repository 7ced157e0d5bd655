import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// A rule for some operators of ONNX: what they do to the maps that their operands show.
///
/// One file a family, one line in ``RaisePrimitives/rules``.
protocol RaisingRule: Sendable {
  /// The operators by ONNX's names.
  var types: [String] { get }

  /// What the rule makes of the primitive. Throws ``Mismatch`` with a reason that helps a user when the operands are
  /// nearly what the rule is about.
  func raise(_ site: RaisingSite, _ raiser: inout Raiser) throws -> RaisingOutcome
}

/// A primitive whose operands are looked at.
struct RaisingSite {
  var node: Node
  var call: PrimitiveCall
  /// The operands at the operator's input positions; nil where one is left out.
  var inputs: [ValueID?]

  func input(_ index: Int) -> ValueID? { inputs.indices.contains(index) ? inputs[index] : nil }
}

/// Carries the maps that values of a primitive graph show from its inputs to its outputs, and builds the graph of what
/// is done to them.
struct Raiser {
  let source: Graph
  let sourceProducers: [Int?]
  var edit: Edit
  var maps = MapTracker()
  var patches = PatchTracker()
  var scans = ScanTracker()
  private var producers: [ValueID: (op: any Operator, inputs: [ValueID], output: Int)] = [:]
  private var known: [String: [ValueID]] = [:]
  private var names: Set<String>
  /// Nodes that no rule knew, with the reason: told only where they are still needed in the end.
  var unknown: [Int: String] = [:]
  /// The node that is being raised: new nodes are named after it.
  var site = ""

  init(_ graph: Graph, pass: String) {
    source = graph
    sourceProducers = graph.producers
    edit = Edit(of: graph, pass: pass)
    names = Set(graph.nodes.map(\.name))
  }

  /// The operator that made a raised value and its operands.
  func producer(_ value: ValueID) -> (op: any Operator, inputs: [ValueID], output: Int)? { producers[value] }

  func type(_ value: ValueID) -> ValueType { edit[value].type }
  func channels(_ value: ValueID) -> Int? { type(value).shape[1].known }

  /// Adds a node, or finds the one that is the same.
  mutating func add(_ op: any Operator, _ inputs: [ValueID]) throws -> [ValueID] {
    let inputs = op is RaisedOperator ? inputs : try inputs.map { try settled($0) }
    let key = Self.key(op, inputs)
    if op.regions.isEmpty, let same = known[key] { return same }
    let results = try edit.add(op, inputs, name: uniqueName(site))
    for (index, result) in results.enumerated() { producers[result] = (op, inputs, index) }
    known[key] = results
    return results
  }

  /// The results of an operator without regions that was added before.
  func existing(_ op: any Operator, _ inputs: [ValueID]) -> [ValueID]? { known[Self.key(op, inputs)] }

  private static func key(_ op: any Operator, _ inputs: [ValueID]) -> String {
    let attributes = op.attributes.map { "\($0.name)=\($0.text)" }.joined(separator: ",")
    return "\(Swift.type(of: op).name){\(attributes)}(\(inputs.map(\.description).joined(separator: ",")))"
  }

  mutating func addOne(_ op: any Operator, _ inputs: [ValueID]) throws -> ValueID { try add(op, inputs)[0] }

  private mutating func uniqueName(_ base: String) -> String {
    var candidate = base + ".raised"
    var count = 1
    while !names.insert(candidate).inserted {
      count += 1
      candidate = "\(base).raised\(count)"
    }
    return candidate
  }

  /// The view with its map turned so that the tensor shows rows first and nothing backwards. Nil when it shows no frame.
  mutating func upright(_ view: MapView) throws -> MapView? {
    guard let frame = view.frame else { return nil }
    if frame == .upright { return view }
    return view.reframed(try turned(view.map, frame), by: frame)
  }

  /// The upright view of an operand, if it shows a map.
  mutating func view(_ value: ValueID?) throws -> MapView? {
    guard let value, let view = maps.views[value] else { return nil }
    return try upright(view)
  }

  /// The map that an operand shows as it is: (1, C, H, W), whatever axes of size 1 are missing or added.
  mutating func plainMap(_ value: ValueID?) throws -> ValueID? {
    guard let view = try view(value) else { return nil }
    return view.longAxes.map { view.axes[$0] } == MapView(view.map, type(view.map)).axes.filter { !$0.isEmpty }
      ? view.map : nil
  }

  func constant(_ value: ValueID?) -> Tensor? { value.flatMap { source.constant($0) } }

  /// The integers of a constant operand, or those of an attribute that older versions have in its place.
  func ints(_ site: RaisingSite, _ index: Int, attribute: String) -> [Int]? {
    if let values = site.call.integers(attribute) { return values }
    return site.input(index).flatMap { ints($0) }
  }

  func ints(_ value: ValueID) -> [Int]? {
    if let tensor = source.constant(value) { return tensor.doubles().map { Int(exactly: $0) ?? Int.max } }
    guard let sizes = source[value].sizes else { return nil }
    let known = sizes.compactMap(\.known)
    return known.count == sizes.count ? known : nil
  }

  /// The elements of an integer operand as sizes.
  func sizes(_ value: ValueID?) -> [Dimension]? {
    guard let value else { return nil }
    return source[value].sizes ?? ints(value)?.map { Dimension($0) }
  }

  func shape(_ value: ValueID) -> [Dimension] { source[value].type.shape }

  /// Whether a value is zeros everywhere.
  func isZeros(_ value: ValueID) -> Bool {
    if let tensor = source.constant(value) { return tensor.doubles().allSatisfy { $0 == 0 } }
    return source.fill(value, sourceProducers) == 0
  }

  mutating func applied(_ what: String) { edit.applied(site, what) }
}
