import ExecutionPlan
import PrimitiveOperators
import Tensors

/// One change each to a graph.
struct HostileGraphs {
  let graph: TensorGraph

  struct Change {
    var label: String
    var graph: TensorGraph
  }

  init(_ graph: TensorGraph) { self.graph = graph }

  private static let numbers = [0, 1, -1, 3, 17, 1 << 40, 1 << 62, Int.max, Int.min]

  func changes() -> [Change] { nodes() + values() + constants() + ports() }

  private func changed(_ label: String, _ change: (inout TensorGraph) -> Void) -> Change {
    var graph = graph
    change(&graph)
    return Change(label: label, graph: graph)
  }

  private func nodes() -> [Change] {
    graph.program.nodes.indices.flatMap { index -> [Change] in
      let node = graph.program.nodes[index]
      var all: [Change] = []
      func add(_ what: String, _ change: (inout TensorProgram.Node) -> Void) {
        all.append(changed("\(node.call.type) \(what)") { change(&$0.program.nodes[index]) })
      }
      for (name, value) in node.call.attributes.sorted(by: { $0.key < $1.key }) {
        add("without \(name)") { $0.call.attributes[name] = nil }
        for number in Self.numbers {
          add("\(name) \(number)") { $0.call.attributes[name] = .int(number) }
          if case .ints(let list) = value {
            for count in Set([0, 1, list.count, list.count + 1, 9]) {
              add("\(name) \(count) × \(number)") {
                $0.call.attributes[name] = .ints(Array(repeating: number, count: count))
              }
            }
          }
        }
        for real: Float in [0, -1, .nan, .infinity, 1e30] {
          add("\(name) \(real)") { $0.call.attributes[name] = .float(real) }
        }
        add("\(name) text") { $0.call.attributes[name] = .string("x") }
      }
      add("of another type") { $0.call.type = "Add" }
      add("of no type") { $0.call.type = "Frobnicate" }
      add("of version 0") { $0.call.opset = 0 }
      add("twice its bodies") { $0.bodies += $0.bodies }
      add("without bodies") { $0.bodies = [] }
      add("with a capture") { $0.captureCount = 1 }
      add("with captures below zero") { $0.captureCount = -1 }
      add("without outputs") { $0.outputs = [] }
      add("with outputs that nobody asked for") { $0.call.outputs = [] }
      add("without inputs") { $0.inputs = [] }
      add("with inputs that are not given") { $0.call.inputs = $0.call.inputs.map { !$0 } }
      add("that takes its own result") { node in node.inputs = node.inputs.map { _ in node.outputs.first ?? 0 } }
      for body in node.bodies.indices {
        add("a body without outputs") { $0.bodies[body].outputs = [] }
        add("a body with one input more") {
          $0.bodies[body].inputs.append($0.bodies[body].valueCount)
          $0.bodies[body].valueCount += 1
        }
        add("a body that gives its input") { $0.bodies[body].outputs = $0.bodies[body].outputs.map { _ in 0 } }
      }
      return all
    }
  }

  private func values() -> [Change] {
    var all = Self.numbers.map { number in changed("\(number) values") { $0.program.valueCount = number } }
    for index in graph.program.nodes.indices {
      for number in Self.numbers {
        all.append(
          changed("node \(index) takes \(number)") { graph in
            graph.program.nodes[index].inputs = graph.program.nodes[index].inputs.map { _ in number }
          })
        all.append(
          changed("node \(index) makes \(number)") { graph in
            graph.program.nodes[index].outputs = graph.program.nodes[index].outputs.map { _ in number }
          })
      }
    }
    all.append(changed("nodes in reverse") { $0.program.nodes.reverse() })
    all.append(
      changed("an input as output") { graph in
        graph.program.outputs = graph.program.outputs.map { _ in graph.program.inputs.first ?? 0 }
      })
    all.append(changed("every node twice") { $0.program.nodes += $0.program.nodes })
    return all
  }

  private func constants() -> [Change] {
    graph.program.constants.indices.flatMap { index -> [Change] in
      let shapes: [[Int]] = [
        [], [0], [1], [1 << 40], [1 << 40, 1 << 40], [-1], [Int.max], Array(repeating: 1, count: 17),
      ]
      var all = shapes.map { shape in
        changed("constant \(index) of shape \(shape)") { $0.program.constants[index].shape = shape }
      }
      for dtype in DType.allCases + DType.narrowCases {
        all.append(changed("constant \(index) \(dtype)") { $0.program.constants[index].dtype = dtype })
      }
      for number in Self.numbers {
        all.append(changed("constant \(index) is value \(number)") { $0.program.constants[index].value = number })
        all.append(
          changed("constant \(index) is bytes \(number)") {
            $0.program.constants[index].constant = .init(rawValue: number)
          })
      }
      return all
    }
  }

  private func ports() -> [Change] {
    graph.inputs.indices.flatMap { index -> [Change] in
      let port = graph.inputs[index]
      var all: [Change] = []
      for dtype in DType.allCases + DType.narrowCases {
        all.append(changed("input \(index) \(dtype)") { $0.inputs[index].dtype = dtype })
      }
      for axis in port.shape.indices {
        for size in [0, 1, 3, 17] {
          all.append(
            changed("input \(index), axis \(axis) of \(size)") { $0.inputs[index].shape[axis] = .constant(size) })
        }
      }
      all.append(changed("input \(index) scalar") { $0.inputs[index].shape = [] })
      all.append(changed("input \(index), an axis more") { $0.inputs[index].shape.append(.constant(1)) })
      all.append(
        changed("input \(index) of one symbol") { $0.inputs[index].shape = port.shape.map { _ in .symbol("n") } })
      return all
    } + [
      changed("a port too many") { $0.inputs += $0.inputs },
      changed("no names of outputs") { $0.outputNames = [] },
    ]
  }
}
