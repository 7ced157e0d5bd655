import GraphIR
import PrimitiveOperators
import Tensors

/// Reads integers that nodes compute as ``SizeExpression``s.
struct SizeReader {
  /// Nodes between a value and what it is computed from, and ways to them that are taken.
  private static let maxDepth = 48
  private static let maxVisits = 1024
  private static let maxElements = 16

  let graph: Graph
  private let producers: [Int?]
  /// Values that are known already, element by element.
  var known: [ValueID: [SizeExpression]]

  init(_ graph: Graph, producers: [Int?]? = nil, known: [ValueID: [SizeExpression]] = [:]) {
    self.graph = graph
    self.producers = producers ?? graph.producers
    self.known = known
  }

  /// The elements of an integer scalar or vector. Nil where something else than arithmetic is done.
  func elements(_ value: ValueID) throws -> [SizeExpression]? {
    var visits = 0
    return try elements(value, 0, &visits)
  }

  private func elements(_ value: ValueID, _ depth: Int, _ visits: inout Int) throws -> [SizeExpression]? {
    if let known = known[value] { return known }
    if let sizes = graph[value].sizes, graph[value].type.shape.count <= 1 { return sizes.map { SizeExpression($0) } }
    if let tensor = graph.constant(value) {
      guard !tensor.dtype.isFloatingPoint, tensor.elementCount <= Self.maxElements else { return nil }
      return tensor.doubles().compactMap { Int(exactly: $0).map { SizeExpression(Dimension($0)) } }
    }
    visits += 1
    guard depth < Self.maxDepth, visits < Self.maxVisits, let index = producers[value.index],
      let primitive = graph.nodes[index].op as? Primitive, graph.nodes[index].outputs.count == 1
    else { return nil }
    let inputs = graph.nodes[index].inputs
    func operand(_ index: Int) throws -> [SizeExpression]? {
      inputs.indices.contains(index) ? try elements(inputs[index], depth + 1, &visits) : nil
    }
    switch primitive.call.type {
    case "Identity", "Unsqueeze", "Squeeze", "Reshape", "Cast": return try operand(0)
    case "Concat":
      let parts = try inputs.indices.map { try operand($0) }
      return parts.contains { $0 == nil } ? nil : parts.flatMap { $0 ?? [] }
    case "Gather":
      guard let data = try operand(0), let at = graph.constant(inputs[1])?.doubles().compactMap({ Int(exactly: $0) })
      else {
        return nil
      }
      let places = at.map { $0 < 0 ? $0 + data.count : $0 }
      return places.allSatisfy(data.indices.contains) ? places.map { data[$0] } : nil
    case "Add", "Sub", "Mul", "Div", "Mod", "Min", "Max":
      guard inputs.count == 2, let a = try operand(0), let b = try operand(1) else { return nil }
      return try combined(primitive.call.type, a, b)
    default: return nil
    }
  }

  /// The only element of a scalar or vector.
  func element(_ value: ValueID) throws -> SizeExpression? {
    guard let all = try elements(value), all.count == 1 else { return nil }
    return all[0]
  }

  private func combined(_ type: String, _ a: [SizeExpression], _ b: [SizeExpression]) throws -> [SizeExpression]? {
    let count = max(a.count, b.count)
    guard [1, count].contains(a.count), [1, count].contains(b.count) else { return nil }
    return try (0..<count).map { index in
      let (x, y) = (a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index])
      return switch type {
      case "Add": try x.plus(y)
      case "Sub": try x.minus(y)
      case "Mul": try x.times(y)
      case "Div": try x.dividedRoundingDown(by: y)
      case "Mod": x.remainder(by: y)
      case "Min": try .minimum(x, y)
      default: try .maximum(x, y)
      }
    }
  }

  /// The integer constants above 1 from which a value is computed, in ascending order.
  func constants(of value: ValueID) -> [Int] {
    var (pending, seen, found) = ([value], Set<ValueID>(), Set<Int>())
    while let next = pending.popLast(), seen.count < 4096 {
      guard seen.insert(next).inserted else { continue }
      if let tensor = graph.constant(next) {
        if !tensor.dtype.isFloatingPoint, tensor.elementCount <= Self.maxElements {
          found.formUnion(tensor.doubles().compactMap { Int(exactly: $0) }.filter { $0 > 1 })
        }
      } else if let index = producers[next.index], graph[next].type.dtype == .int64 {
        pending += graph.nodes[index].inputs
      }
    }
    return found.sorted()
  }
}
