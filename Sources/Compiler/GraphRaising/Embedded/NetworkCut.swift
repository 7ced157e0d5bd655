import GraphIR
import GraphRewriting
import PrimitiveOperators
import Tensors

/// A place where a graph may be cut in three: what is done to a picture before an EVSSM network, the network, and what is
/// done behind it.
///
/// Where a network begins and ends is told by what it does with its picture: it is convolved, and added to the result of
/// the last convolution. What lies between is then recognised, or not, like a graph of its own.
package struct NetworkCut: Hashable {
  package let picture: ValueID
  package let result: ValueID

  /// Places that are tried of one graph.
  private static let maxCandidates = 4
  /// Operators that only pad and crop, which a network does to its picture itself.
  private static let layout: Set<String> = ["Pad", "Slice", "Gather", "Concat", "Identity"]

  /// Those of a graph, the larger ones first, without the graph as a whole.
  package static func candidates(_ graph: Graph) -> [NetworkCut] {
    let producers = graph.producers
    var found: [NetworkCut] = []
    for convolution in graph.nodes where isPictureConvolution(convolution, graph) {
      let shown = convolution.inputs[0]
      for sum in graph.nodes where isSum(sum, of: shown, graph, producers) {
        for picture in uncropped(shown, graph, producers).reversed() {
          for result in cropped(sum.outputs[0], graph).reversed()
          where mayBeAsLarge(graph[result].type, graph[picture].type) {
            let cut = NetworkCut(picture: picture, result: result)
            if graph.inputs == [picture], graph.outputs == [result] { continue }
            if !found.contains(cut) { found.append(cut) }
          }
        }
      }
      if found.count >= maxCandidates { break }
    }
    return Array(found.prefix(maxCandidates))
  }

  private static func isPicture(_ type: ValueType) -> Bool {
    type.dtype == .float32 && type.shape.count == 4 && type.shape[0] == 1 && type.shape[1] == 3
  }

  /// Sizes behind a Loop are not known before the Loop is.
  private static func mayBePicture(_ type: ValueType) -> Bool {
    type.dtype == .float32 && type.shape.count == 4 && (type.shape[0] == 1 || type.shape[0].isUnknown)
      && (type.shape[1] == 3 || type.shape[1].isUnknown)
  }

  /// Whether a result may have the size of the picture: where Loops are on the way, only the network's own rules tell.
  private static func mayBeAsLarge(_ result: ValueType, _ picture: ValueType) -> Bool {
    result == picture || result.shape.contains(where: \.isUnknown)
  }

  private static func call(_ node: Node) -> PrimitiveCall? { (node.op as? Primitive)?.call }

  /// A convolution of a picture with 3 × 3 weights.
  private static func isPictureConvolution(_ node: Node, _ graph: Graph) -> Bool {
    call(node)?.type == "Conv" && node.inputs.count >= 2 && isPicture(graph[node.inputs[0]].type)
      && graph.constant(node.inputs[1])?.shape.dropFirst() == [3, 3, 3]
  }

  /// The addition of a picture and a convolution's result.
  private static func isSum(_ node: Node, of picture: ValueID, _ graph: Graph, _ producers: [Int?]) -> Bool {
    guard call(node)?.type == "Add", let other = node.inputs.first(where: { $0 != picture }),
      node.inputs.contains(picture),
      mayBePicture(graph[node.outputs[0]].type), let index = producers[other.index]
    else { return false }
    return call(graph.nodes[index])?.type == "Conv"
  }

  /// A picture, and those that it was padded from.
  private static func uncropped(_ picture: ValueID, _ graph: Graph, _ producers: [Int?]) -> [ValueID] {
    var all = [picture]
    while all.count < 8, let index = producers[all[all.count - 1].index], let call = call(graph.nodes[index]),
      layout.contains(call.type), let operand = graph.nodes[index].inputs.first, isPicture(graph[operand].type)
    { all.append(operand) }
    return all
  }

  /// A picture, and those that are cut out of it.
  private static func cropped(_ picture: ValueID, _ graph: Graph) -> [ValueID] {
    var all = [picture]
    while all.count < 8, !graph.outputs.contains(all[all.count - 1]) {
      let users = graph.nodes.filter { $0.inputs.contains(all[all.count - 1]) }
      guard users.count == 1, let call = call(users[0]), layout.contains(call.type),
        let result = users[0].outputs.first,
        mayBePicture(graph[result].type)
      else { break }
      all.append(result)
    }
    return all
  }
}

extension NetworkCut {
  /// The two graphs of a cut.
  package struct Parts {
    /// From the picture to the result, as a graph of its own.
    package var inner: Graph
    /// The whole graph with one ``EmbeddedNetwork`` in the place of the inner one.
    package var outer: Graph
  }

  /// Throws ``Mismatch`` when the part between reads anything but the picture and its size, or is read from outside.
  package func parts(_ graph: Graph) throws -> Parts {
    let producers = graph.producers
    let inside = try self.inside(graph, producers)
    let outside = live(graph, producers)
    for index in inside.intersection(outside)
    where !graph.nodes[index].outputs.allSatisfy({ graph[$0].type.dtype != .float32 }) {
      throw Mismatch("what is inside the network is read outside it, too")
    }
    return Parts(inner: try inner(graph, inside), outer: try outer(graph, outside))
  }

  /// Whether a node asks for the size of a value that is as large as the picture.
  private func asksForSize(_ node: Node, _ graph: Graph) -> Bool {
    (node.op as? Primitive)?.call.type == "Shape" && graph[node.inputs[0]].type.shape == graph[picture].type.shape
  }

  /// The nodes that make the result of the picture.
  private func inside(_ graph: Graph, _ producers: [Int?]) throws -> Set<Int> {
    var (pending, found) = ([result], Set<Int>())
    while let next = pending.popLast() {
      if next == picture || graph.constant(next) != nil { continue }
      guard let index = producers[next.index] else { throw Mismatch("the network reads more than one picture") }
      guard found.insert(index).inserted, !asksForSize(graph.nodes[index], graph) else { continue }
      pending += graph.nodes[index].inputs
    }
    return found
  }

  /// The nodes that the outputs need once the result is there.
  private func live(_ graph: Graph, _ producers: [Int?]) -> Set<Int> {
    var (pending, found) = (graph.outputs, Set<Int>())
    var isReached = false
    while let next = pending.popLast() {
      if next == result {
        if !isReached { pending.append(picture) }
        isReached = true
        continue
      }
      guard let index = producers[next.index], found.insert(index).inserted else { continue }
      pending += graph.nodes[index].inputs
    }
    return found
  }

  private func inner(_ graph: Graph, _ inside: Set<Int>) throws -> Graph {
    var out = Graph()
    var new = [picture: out.addInput("picture", pictureType(graph[picture].type))]
    for index in inside.sorted() {
      let node = graph.nodes[index]
      let operands = asksForSize(node, graph) ? out.inputs : try out.operands(of: node, from: graph, &new)
      for (old, made) in zip(node.outputs, try out.add(node.op, operands, name: node.name)) { new[old] = made }
    }
    guard let end = new[result] else { throw Mismatch("the network has no result") }
    out.setOutputs([end])
    return try out.ordered()
  }

  /// A size that follows from others outside may be any size inside.
  private func pictureType(_ type: ValueType) -> ValueType {
    let names = ["N", "C", "H", "W"]
    let shape = type.shape.enumerated().map { axis, size in
      size.known != nil || size.symbol != nil && !size.isUnknown ? size : Dimension(symbol: names[axis])
    }
    return ValueType(type.dtype, shape)
  }

  private func outer(_ graph: Graph, _ outside: Set<Int>) throws -> Graph {
    var out = Graph()
    var new: [ValueID: ValueID] = [:]
    for input in graph.inputs {
      new[input] = out.addInput(graph[input].name, graph[input].type, sizes: graph[input].sizes)
    }
    for (index, node) in graph.nodes.enumerated() {
      if node.outputs.contains(result) {
        guard let operand = new[picture] else { throw Mismatch("the network's picture is made behind its result") }
        let network = try Primitive(EmbeddedNetwork.call, node: node.name)
        new[result] = try out.addOne(network, [operand], name: node.name)
      } else if outside.contains(index) {
        let operands = try out.operands(of: node, from: graph, &new)
        for (old, made) in zip(node.outputs, try out.add(node.op, operands, name: node.name)) { new[old] = made }
      }
    }
    for output in graph.outputs where new[output] == nil {
      new[output] = graph.constant(output).map { out.addConstant(graph[output].name, $0) }
    }
    out.setOutputs(graph.outputs.compactMap { new[$0] })
    guard out.outputs.count == graph.outputs.count else { throw Mismatch("an output of the graph is lost") }
    return out
  }
}
