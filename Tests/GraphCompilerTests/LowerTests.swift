import GraphIR
import Tensors
import Testing

@testable import GraphCompiler

@Suite struct LinearPassTests {
  private func normed(_ sketch: inout Sketch) throws -> ValueID {
    try sketch.add(RMSNorm(epsilon: 1e-6), [sketch.x, sketch.weight("w", 4), sketch.weight("b", 4)], "norm")
  }

  @Test func normsGoIntoMatrices() throws {
    var sketch = Sketch()
    let norm = try normed(&sketch)
    let a = try sketch.add(PointwiseLinear(), [norm, sketch.weight("a", 3, 4)], "a")
    let b = try sketch.add(PointwiseLinear(), [norm, sketch.weight("b2", 3, 4), sketch.weight("c", 3)], "b")
    let graph = try sketch.finish(sketch.add(ElementwiseBinary(.multiply), [a, b], "product"))
    let (after, explanations) = try PassTesting.run(FoldNormIntoLinear(), on: graph)
    #expect(
      after.dump() == """
        input %0 x: float32[1, 4, H, W]
        %1 = rms_norm{epsilon: 1e-06}(%0) : float32[1, 4, H, W]  # norm
        %4 = pointwise_linear(%1, %2 a: float64[3, 4], %3 a.bias: float64[3]) : float32[1, 3, H, W]  # a
        %7 = pointwise_linear(%1, %5 b2: float64[3, 4], %6 b.bias: float64[3]) : float32[1, 3, H, W]  # b
        %8 = binary{function: multiply}(%4, %7) : float32[1, 3, H, W]  # product
        output %8

        """)
    #expect(explanations.map(\.node) == ["a", "b"])
  }

  @Test func aNormThatSomethingElseReadsStays() throws {
    var sketch = Sketch()
    let norm = try normed(&sketch)
    let a = try sketch.add(PointwiseLinear(), [norm, sketch.weight("a", 4, 4)], "a")
    let graph = try sketch.finish(sketch.add(ElementwiseBinary(.add), [a, norm], "sum"))
    let (after, explanations) = try PassTesting.run(FoldNormIntoLinear(), on: graph)
    #expect(after.dump() == graph.dump())
    #expect(explanations.map(\.verdict) == [.rejected])
  }

  @Test func matricesAreSplit() throws {
    var sketch = Sketch()
    let linear = try sketch.add(
      PointwiseLinear(), [sketch.x, sketch.weight("w", 6, 4), sketch.weight("b", 6)], "linear")
    let parts = try sketch.graph.add(Split([2, 4]), [linear], name: "split")
    let graph = try sketch.finish(parts[1], parts[0])
    let (after, _) = try PassTesting.run(SplitLinear(), on: graph)
    #expect(
      after.dump() == """
        input %0 x: float32[1, 4, H, W]
        %3 = pointwise_linear(%0, %1 w.part1: float32[4, 4], %2 b.part1: float32[4]) : float32[1, 4, H, W]  # linear.part1
        %6 = pointwise_linear(%0, %4 w.part0: float32[2, 4], %5 b.part0: float32[2]) : float32[1, 2, H, W]  # linear.part0
        output %3, %6

        """)
  }

  @Test func aMatrixUsedUndividedStays() throws {
    var sketch = Sketch()
    let linear = try sketch.add(PointwiseLinear(), [sketch.x, sketch.weight("w", 6, 4)], "linear")
    let parts = try sketch.graph.add(Split([2, 4]), [linear], name: "split")
    let graph = try sketch.finish(parts[1], parts[0], linear)
    let (after, explanations) = try PassTesting.run(SplitLinear(), on: graph)
    #expect(after.dump() == graph.dump())
    #expect(explanations.map(\.verdict) == [.rejected])
  }
}

@Suite struct HoistTests {
  /// Windows around a body that the closure builds on its input.
  private func windows(
    side: Int = 9, _ build: (inout Graph, ValueID) throws -> [ValueID]
  ) throws -> Graph {
    var body = Graph()
    let part = body.addInput("part", .map(.float32, 4, Windows.windowHeight, Windows.windowWidth))
    body.setOutputs(try build(&body, part))
    var sketch = Sketch()
    let results = try sketch.graph.add(Windows(side: side, body: body), [sketch.x], name: "windows")
    sketch.graph.setOutputs(results)
    return sketch.graph
  }

  private func kernel(_ graph: inout Graph) throws -> ValueID {
    graph.addConstant("kernel", try PassTesting.tensor([4, 3, 3], seed: 5))
  }

  @Test func perPixelOperatorsLeaveOnBothSides() throws {
    let graph = try windows { body, part in
      let gelu = try body.addOne(ElementwiseUnary(.gelu), [part], name: "gelu")
      let convolved = try body.addOne(DepthwiseConvolution(), [gelu, kernel(&body)], name: "convolution")
      let gate = try body.addOne(ElementwiseUnary(.softplus), [part], name: "gate")
      let gated = try body.addOne(ElementwiseBinary(.multiply), [convolved, gate], name: "gated")
      let weight = body.addConstant("w", try PassTesting.tensor([4, 4], seed: 6))
      let linear = try body.addOne(PointwiseLinear(), [gated, weight], name: "linear")
      return [try body.addOne(ElementwiseBinary(.add), [part, linear], name: "residual")]
    }
    let (after, explanations) = try PassTesting.run(HoistOutOfWindows(), on: graph)
    #expect(
      after.dump() == """
        input %0 x: float32[1, 4, H, W]
        %1 = unary{function: gelu}(%0) : float32[1, 4, H, W]  # gelu
        %2 = windows{side: 9, frame: upright}(%1) : float32[1, 4, H, W]  # windows.windows
          {
            input %0 : float32[1, 4, h, w]
            %2 = depthwise_convolution(%0, %1 kernel: float32[4, 3, 3]) : float32[1, 4, h, w]  # convolution
            output %2
          }
        %3 = unary{function: softplus}(%0) : float32[1, 4, H, W]  # gate
        %4 = binary{function: multiply}(%2, %3) : float32[1, 4, H, W]  # gated
        %6 = pointwise_linear(%4, %5 w: float32[4, 4]) : float32[1, 4, H, W]  # linear
        %7 = binary{function: add}(%0, %6) : float32[1, 4, H, W]  # windows
        output %7

        """)
    #expect(
      explanations.filter { $0.verdict == .applied }.map(\.node) == ["gelu", "gate", "residual", "linear", "gated"])
  }

  @Test func whatIsNotAffineStays() throws {
    let graph = try windows { body, part in
      let convolved = try body.addOne(DepthwiseConvolution(), [part, kernel(&body)], name: "convolution")
      return [try body.addOne(ElementwiseUnary(.gelu), [convolved], name: "gelu")]
    }
    let (after, explanations) = try PassTesting.run(HoistOutOfWindows(), on: graph)
    #expect(after.dump() == graph.dump())
    #expect(explanations.map(\.verdict) == [.rejected, .rejected])
  }

  @Test func theProductOfTwoWindowedMapsStays() throws {
    let graph = try windows { body, part in
      let convolved = try body.addOne(DepthwiseConvolution(), [part, kernel(&body)], name: "convolution")
      return [try body.addOne(ElementwiseBinary(.multiply), [convolved, convolved], name: "square")]
    }
    let (after, _) = try PassTesting.run(HoistOutOfWindows(), on: graph)
    #expect(PassTesting.outline(after) == "windows[depthwise_convolution binary]")
  }

  @Test func aBodyOfPerPixelOperatorsDisappears() throws {
    let graph = try windows { body, part in [try body.addOne(ElementwiseUnary(.gelu), [part], name: "gelu")] }
    let (after, _) = try PassTesting.run(HoistOutOfWindows(), on: graph)
    #expect(PassTesting.outline(after) == "unary")
  }

  @Test func severalOutputs() throws {
    let graph = try windows { body, part in
      let convolved = try body.addOne(DepthwiseConvolution(), [part, kernel(&body)], name: "convolution")
      let negated = try body.addOne(ElementwiseUnary(.negate), [part], name: "negate")
      let sum = try body.addOne(ElementwiseBinary(.add), [convolved, part], name: "sum")
      return [negated, sum]
    }
    let (after, _) = try PassTesting.run(HoistOutOfWindows(), on: graph)
    #expect(PassTesting.outline(after) == "unary windows[depthwise_convolution] binary")
  }
}

@Suite struct SinkFramesTests {
  private let turned = Frame(transposed: true, halfTurned: true)

  /// Every operator between a change of frame and its inverse.
  @Test(arguments: Frame.all) func framesSinkThroughEveryOperator(_ frame: Frame) throws {
    var sketch = Sketch()
    let even = try sketch.add(ReflectPad(multiple: 2), [sketch.x], "even")
    let shape = sketch.graph[even].type.shape
    let size = frame.size(shape[2], shape[3])
    var x = try sketch.add(ChangeFrame(frame), [even], "in")
    x = try sketch.add(DepthwiseConvolution(), [x, sketch.weight("d", 4, 3, 3), sketch.weight("db", 4)], "depthwise")
    x = try sketch.add(Convolution(), [x, sketch.weight("c", 4, 4, 3, 3)], "convolution")
    x = try sketch.add(ScanConvolution(), [x, sketch.weight("t", 4, 7), sketch.weight("tb", 4)], "taps")
    x = try sketch.add(RMSNorm(epsilon: 1e-6), [x], "norm")
    let states = try sketch.add(PointwiseLinear(), [x, sketch.weight("l", 6, 4)], "linear")
    let parts = try sketch.graph.add(Split([3, 3]), [states], name: "split")
    let delta = try sketch.add(ElementwiseUnary(.softplus), [x], "softplus")
    let decay = sketch.graph.addConstant("A", try PassTesting.tensor([4, 3], seed: 9).mapped { -abs($0) })
    x = try sketch.add(SelectiveScan(), [x, delta, decay, parts[0], parts[1], sketch.weight("D", 4)], "scan")
    x = try sketch.add(LayerNorm(epsilon: 1e-5), [x, sketch.weight("nw", 4), sketch.weight("nb", 4)], "layer_norm")
    x = try sketch.add(ReflectPad(multiple: 8), [x], "pad")
    x = try sketch.add(SpectralFilter(), [x, evenFilter(&sketch)], "filter")
    x = try sketch.add(Crop(height: size.height, width: size.width), [x], "crop")
    x = try sketch.add(BilinearResample(.half), [x], "half")
    x = try sketch.add(BilinearResample(.double), [x], "double")
    x = try sketch.add(ChangeFrame(frame), [x], "out")
    let graph = try sketch.finish(x)
    let after = try SinkFrames().run(graph).graph
    #expect(!after.nodes.contains { $0.op is ChangeFrame })
    for sizes in [["H": 16, "W": 24], ["H": 13, "W": 22], ["H": 5, "W": 9]] {
      #expect(try PassTesting.difference(graph, after, sizes: sizes) <= 1e-11)
    }
  }

  private func evenFilter(_ sketch: inout Sketch) throws -> ValueID {
    let half = try PassTesting.tensor([4, 8, 5], seed: 3)
    return sketch.graph.addConstant("filter", try SpectralFilter.transferFunction(ofHalfSpectrum: half))
  }

  @Test(arguments: Frame.all) func windowsTakeUpFrames(_ frame: Frame) throws {
    var body = Graph()
    let part = body.addInput("part", .map(.float32, 4, Windows.windowHeight, Windows.windowWidth))
    let kernel = body.addConstant("kernel", try PassTesting.tensor([4, 3, 3], seed: 5))
    let convolved = try body.addOne(DepthwiseConvolution(), [part, kernel], name: "convolution")
    let taps = [
      body.addConstant("t", try PassTesting.tensor([4, 7], seed: 6)),
      body.addConstant("b", try PassTesting.tensor([4], seed: 7)),
    ]
    body.setOutputs([try body.addOne(ScanConvolution(), [convolved] + taps, name: "taps")])
    var sketch = Sketch()
    let framed = try sketch.add(ChangeFrame(frame), [sketch.x], "in")
    let windowed = try sketch.add(Windows(side: 5, body: body), [framed], "windows")
    let graph = try sketch.finish(sketch.add(ChangeFrame(frame), [windowed], "out"))
    let (after, _) = try PassTesting.run(SinkFrames(), on: graph)
    #expect(PassTesting.outline(after) == "windows[depthwise_convolution scan_convolution]")
    #expect((after.nodes[0].op as? Windows)?.frame == frame)
  }

  @Test func theKernelIsTurned() throws {
    var sketch = Sketch(channels: 1)
    let framed = try sketch.add(ChangeFrame(turned), [sketch.x], "in")
    let kernel = sketch.graph.addConstant("k", try Tensor(shape: [1, 3, 3], floats: (1...9).map(Float.init)))
    let convolved = try sketch.add(DepthwiseConvolution(), [framed, kernel], "convolution")
    let graph = try sketch.finish(sketch.add(ChangeFrame(turned), [convolved], "out"))
    let (after, explanations) = try PassTesting.run(SinkFrames(), on: graph)
    let weight = try #require(after.constant(after.nodes[0].inputs[1]))
    #expect(weight.floats() == [9, 6, 3, 8, 5, 2, 7, 4, 1])
    #expect(
      explanations.map(\.description) == [
        "sink-frames: applied at in: becomes part of the operators after it: transposed+half-turned",
        "sink-frames: applied at out: becomes part of the operators after it: upright",
      ])
  }

  @Test func inputsInDifferentFramesAreTurnedBack() throws {
    var sketch = Sketch(height: PassTesting.height, width: PassTesting.height)
    let framed = try sketch.add(ChangeFrame(turned), [sketch.x], "in")
    let graph = try sketch.finish(sketch.add(ElementwiseBinary(.add), [framed, sketch.x], "sum"))
    let (after, explanations) = try PassTesting.run(SinkFrames(), on: graph)
    #expect(PassTesting.outline(after) == "change_frame binary")
    #expect(explanations.contains { $0.verdict == .rejected && $0.node == "sum" })
  }

  @Test func anOutputInAFrameIsTurnedBack() throws {
    var sketch = Sketch()
    let framed = try sketch.add(ChangeFrame(turned), [sketch.x], "in")
    let graph = try sketch.finish(sketch.add(ElementwiseUnary(.gelu), [framed], "gelu"))
    let (after, _) = try PassTesting.run(SinkFrames(), on: graph)
    #expect(PassTesting.outline(after) == "unary change_frame")
  }
}
