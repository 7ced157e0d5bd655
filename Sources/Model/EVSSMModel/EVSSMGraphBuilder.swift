import GraphIR
import Tensors

/// The network's structure: levels, blocks, resampling.
struct EVSSMGraphBuilder {
  let catalogue: TensorCatalogue
  let architecture: EVSSMArchitecture
  let windowSides: [Int?]
  var graph = Graph()

  init(catalogue: TensorCatalogue, architecture: EVSSMArchitecture, windowSides: [Int?]) {
    self.catalogue = catalogue
    self.architecture = architecture
    self.windowSides = windowSides
  }

  mutating func network() throws -> Graph {
    let height = Dimension(symbol: "H")
    let width = Dimension(symbol: "W")
    let picture = graph.addInput("picture", .map(.float32, 3, height, width))
    let padded = try graph.addOne(ReflectPad(multiple: 4), [picture], name: "pad")
    let x0 = try convolution(padded, "patch_embed.proj")
    let x1 = try stage(0, x0)
    let x2 = try stage(1, down(x1, "down1_2"))
    let x3 = try stage(3, stage(2, down(x2, "down2_3")))
    let y2 = try stage(4, up(x3, x2, "up3_2"))
    let y1 = try stage(5, up(y2, x1, "up2_1"))
    let residual = try convolution(y1, "output")
    let restored = try graph.addOne(ElementwiseBinary(.add), [residual, padded], name: "output.add_picture")
    let cropped = try graph.addOne(Crop(height: height, width: width), [restored], name: "output.crop")
    graph.setOutputs([cropped])
    return graph
  }

  private mutating func stage(_ index: Int, _ input: ValueID) throws -> ValueID {
    let (name, level) = architecture.stages[index]
    var x = input
    for i in 0..<architecture.blocks[level] {
      let weights = BlockWeights(catalogue: catalogue, prefix: "\(name).block\(i).")
      let frame = Frame(transposed: i % 2 == 0, halfTurned: i % 2 == 1)
      x = try graph.addOne(ChangeFrame(frame), [x], name: weights.prefix + "change_frame")
      x = try scanStage(x, weights, level)
      x = try graph.addFeedForwardStage(x, weights)
    }
    return x
  }

  private mutating func scanStage(_ x: ValueID, _ weights: BlockWeights, _ level: Int) throws -> ValueID {
    let name = weights.prefix + "scan_stage"
    guard let side = windowSides[level] else { return try graph.addScanStage(x, weights, name: name) }
    let channels = Dimension(architecture.channels(level))
    var body = Graph()
    let part = body.addInput("window", .map(.float32, channels, Windows.windowHeight, Windows.windowWidth))
    let result = try body.addScanStage(part, weights, name: weights.prefix + "attn.residual")
    body.setOutputs([result])
    return try graph.addOne(Windows(side: side, body: body.ordered()), [x], name: name)
  }

  private mutating func convolution(_ x: ValueID, _ name: String) throws -> ValueID {
    let weights = BlockWeights(catalogue: catalogue, prefix: "")
    return try graph.addOne(Convolution(), [x, weights.add("\(name).weight", to: &graph)], name: name)
  }

  private mutating func down(_ x: ValueID, _ name: String) throws -> ValueID {
    let half = try graph.addOne(BilinearResample(.half), [x], name: "\(name).body.0")
    return try convolution(half, "\(name).body.1")
  }

  private mutating func up(_ x: ValueID, _ skip: ValueID, _ name: String) throws -> ValueID {
    let double = try graph.addOne(BilinearResample(.double), [x], name: "\(name).body.0")
    let convolved = try convolution(double, "\(name).body.1")
    return try graph.addOne(ElementwiseBinary(.add), [convolved, skip], name: "\(name).skip")
  }
}
