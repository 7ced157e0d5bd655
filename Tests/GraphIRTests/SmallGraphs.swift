import GraphIR
import Tensors

/// Graphs that the tests start from.
enum SmallGraphs {
  static let map = ValueType.map(.float32, 2, Dimension(symbol: "H"), Dimension(symbol: "W"))

  static func ones(_ shape: [Int]) throws -> Tensor {
    try Tensor(shape: shape, floats: [Float](repeating: 1, count: shape.reduce(1, *)))
  }

  /// x + W · gelu(x)
  static func residual() throws -> Graph {
    var graph = Graph()
    let x = graph.addInput("x", map)
    let gelu = try graph.addOne(ElementwiseUnary(.gelu), [x], name: "gelu")
    let weight = graph.addConstant("weight", try ones([2, 2]))
    let linear = try graph.addOne(PointwiseLinear(), [gelu, weight], name: "linear")
    graph.setOutputs([try graph.addOne(ElementwiseBinary(.add), [x, linear], name: "sum")])
    return graph
  }

  /// A depthwise convolution in windows.
  static func windowed() throws -> Graph {
    var body = Graph()
    let part = body.addInput("part", .map(.float32, 2, Windows.windowHeight, Windows.windowWidth))
    let kernel = body.addConstant("kernel", try ones([2, 3, 3]))
    body.setOutputs([try body.addOne(DepthwiseConvolution(), [part, kernel], name: "convolution")])
    var graph = Graph()
    let x = graph.addInput("x", map)
    graph.setOutputs([try graph.addOne(Windows(side: 8, body: body), [x], name: "windows")])
    return graph
  }
}
