import ExecutionPlan
import GraphIR
import Tensors

@testable import GraphCompiler

/// Seeded numbers for weights and pictures (SplitMix64).
struct SeededNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Roughly normal, mean 0 and deviation 1.
  mutating func normal() -> Float { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }

  mutating func normals(_ count: Int, scale: Float = 1, at: Float = 0) -> [Float] {
    (0..<count).map { _ in at + scale * normal() }
  }

  mutating func picture(height: Int, width: Int) -> [Float] { (0..<3 * height * width).map { _ in uniform() } }
}

/// Builds fused graphs of single stages between a first and a last convolution, with seeded weights.
struct StageGraph {
  var graph = Graph()
  private var numbers: SeededNumbers
  private let picture: ValueID
  private(set) var map: ValueID
  private(set) var channels: Int
  private var count = 0

  init(channels: Int, seed: UInt64) throws {
    numbers = SeededNumbers(seed: seed)
    self.channels = channels
    picture = graph.addInput("picture", .map(.float32, 3, Dimension(symbol: "H"), Dimension(symbol: "W")))
    let weight = graph.addConstant(
      "first", try Tensor(shape: [channels, 3, 3, 3], floats: numbers.normals(channels * 27, scale: 0.3)))
    map = try graph.addOne(FusedPictureConvolution(), [picture, weight], name: "first")
  }

  private mutating func constant(_ shape: [Int], scale: Float, at: Float = 0) throws -> ValueID {
    count += 1
    let elements = shape.reduce(1, *)
    return graph.addConstant(
      "constant\(count)", try Tensor(shape: shape, floats: numbers.normals(elements, scale: scale, at: at)))
  }

  mutating func scanStage(frame: Frame, windowSide: Int?) throws {
    let (c, d, r) = (channels, 2 * channels, (channels + 15) / 16)
    let decay = (0..<d * 8).map { -Float($0 % 8 + 1) * 1.4427 * (0.8 + 0.4 * numbers.uniform()) }
    var operands = [map]
    operands.append(try constant([d, c], scale: 1 / Float(c).squareRoot()))
    operands.append(try constant([d], scale: 0.1))
    operands.append(try constant([d, 3, 3], scale: 0.33))
    operands.append(try constant([d], scale: 0.1))
    operands.append(try constant([r + 16, d], scale: 1 / Float(d).squareRoot()))
    operands.append(try constant([r + 16, 7], scale: 0.38))
    operands.append(try constant([r + 16], scale: 0.1))
    operands.append(try constant([d, r], scale: 1 / Float(r).squareRoot()))
    operands.append(try constant([d], scale: 1, at: -3))
    operands.append(graph.addConstant("decay", try Tensor(shape: [d, 8], floats: decay)))
    operands.append(try constant([d], scale: 0.2, at: 1))
    operands.append(try constant([d], scale: 0.2, at: 1))
    operands.append(try constant([d], scale: 0.1))
    operands.append(try constant([d, c], scale: 1 / Float(c).squareRoot()))
    operands.append(try constant([d], scale: 0.1))
    operands.append(try constant([c, d], scale: 0.5 / Float(d).squareRoot()))
    let stage = FusedScanStage(
      frame: frame, windowSide: windowSide, rank: r, rmsEpsilon: 1e-6, layerNormEpsilon: 1e-5)
    map = try graph.addOne(stage, operands, name: "scan\(count)")
  }

  mutating func feedForwardStage(frame: Frame, hidden e: Int) throws {
    let c = channels
    var filter = numbers.normals(c * 64, scale: 0.3, at: 1)
    for channel in 0..<c {
      for u in 0..<8 {
        for v in 0..<8 {
          filter[channel * 64 + (8 - u) % 8 * 8 + (8 - v) % 8] = filter[channel * 64 + u * 8 + v]
        }
      }
    }
    let operands = [
      map, try constant([2 * e, c], scale: 1 / Float(c).squareRoot()), try constant([2 * e], scale: 0.1),
      try constant([2 * e, 3, 3], scale: 0.33), try constant([c, e], scale: 0.5 / Float(e).squareRoot()),
      graph.addConstant("filter\(count)", try Tensor(shape: [c, 8, 8], floats: filter)),
    ]
    let stage = FusedFeedForwardStage(frame: frame, hidden: e, epsilon: 1e-6)
    map = try graph.addOne(stage, operands, name: "ffn\(count)")
  }

  /// Down a level and up again, with the map (or an earlier one) skipped across.
  mutating func downAndUp(kernelSide k: Int, skip: ValueID? = nil) throws {
    let skip = skip ?? map
    let scale = 1 / Float(channels * k * k).squareRoot()
    let down = try constant([2 * channels, channels, k, k], scale: scale)
    let half = try graph.addOne(FusedHalveConvolution(), [map, down], name: "down\(count)")
    let up = try constant([channels, 2 * channels, k, k], scale: scale)
    map = try graph.addOne(FusedDoubleConvolution(), [half, skip, up], name: "up\(count)")
  }

  /// The graph, closed by a last convolution.
  mutating func finished() throws -> Graph {
    let weight = try constant([3, channels, 3, 3], scale: 0.3 / Float(9 * channels).squareRoot())
    let output = try graph.addOne(FusedOutputConvolution(), [map, picture, weight], name: "output")
    graph.setOutputs([output])
    return graph
  }
}
