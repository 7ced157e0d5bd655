import GraphIR
import Tensors

extension Windows: OnnxEmittable {
  /// At a known size the windows stand side by side; at an unknown one they are the steps of a Loop.
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    try emitter.requireUpright(frame, place)
    guard place.operands.count == 1, place.results.count == 1 else {
      throw EVSSMError("onnx.no-form", "Windows of one map to one map have a form in ONNX here.", category: .internal)
    }
    let shape = place.operands[0].type.shape
    let (height, width) = (try emitter.size(shape[2]), try emitter.size(shape[3]))
    if case .known(let h) = height, case .known(let w) = width {
      return [try unrolled(place, height: h, width: w, &emitter)]
    }
    return [try WindowLoop(windows: self, place: place, height: height, width: width).emit(&emitter)]
  }

  private func unrolled(_ place: OnnxPlace, height: Int, width: Int, _ emitter: inout OnnxEmitter) throws -> String {
    let windows = try WindowRectangle.windows(height: height, width: width, side: side, frame: frame)
    let x = place.operands[0].name
    if windows.count == 1 { return try bodyResult(x, suffix: "", windows[0], &emitter) }
    var sum: String?
    for (index, window) in windows.enumerated() {
      let suffix = ".window\(index)"
      let bounds = [
        try emitter.ints([window.top, window.left]),
        try emitter.ints([window.top + window.height, window.left + window.width]), try emitter.ints([2, 3]),
      ]
      let part = emitter.add("Slice", [x] + bounds, name: place.name + suffix + ".part")
      let result = try bodyResult(part, suffix: suffix, window, &emitter)
      let after = (height - window.top - window.height, width - window.left - window.width)
      let pads = try emitter.ints([0, 0, window.top, window.left, 0, 0, after.0, after.1])
      let placed = emitter.add("Pad", [result, pads], name: place.name + suffix + ".placed")
      sum = sum.map { emitter.add("Add", [$0, placed], name: place.name + suffix + ".sum") } ?? placed
    }
    let cover = try Self.cover(windows, height: height, width: width)
    let name = emitter.addInitializer("cover.side\(side).\(height)x\(width)", cover)
    return emitter.add("Div", [sum ?? x, name], name: place.name)
  }

  private func bodyResult(
    _ part: String, suffix: String, _ window: WindowRectangle, _ emitter: inout OnnxEmitter
  ) throws -> String {
    let sizes = ["h": window.height, "w": window.width]
    return try emitter.withCopy(suffix: suffix, sizes: sizes) { try $0.emit(body, inputs: [part])[0] }
  }

  /// How many windows cover each pixel, (1, 1, height, width).
  private static func cover(_ windows: [WindowRectangle], height: Int, width: Int) throws -> Tensor {
    var counts = [Float](repeating: 0, count: height * width)
    for window in windows {
      for row in window.top..<window.top + window.height {
        for column in window.left..<window.left + window.width { counts[row * width + column] += 1 }
      }
    }
    return try Tensor(shape: [1, 1, height, width], floats: counts)
  }
}

/// Windows over a map whose size is not known: ``WindowGrid`` as nodes, and a Loop over the windows.
private struct WindowLoop {
  /// Windows along one axis: their length, the distance of their starts, the last start, and their number.
  struct Axis {
    var length, step, last, count: OnnxSize
  }

  let windows: Windows
  let place: OnnxPlace
  let height, width: OnnxSize

  func emit(_ emitter: inout OnnxEmitter) throws -> String {
    let (rows, columns) = (try axis(height, "rows", &emitter), try axis(width, "columns", &emitter))
    let total = try emitter.arithmetic("Mul", rows.count, columns.count, name: name("count")) { $0 * $1 }
    let trips = emitter.add("Squeeze", [try emitter.vector([total], name: name("trips"))], name: name("trips"))
    let channels = try emitter.size(place.results[0].shape[1])
    let zeros = try zeroMap([.known(1), channels, height, width], "zeros", &emitter)
    let noCover = try zeroMap([.known(1), .known(1), height, width], "no_cover", &emitter)
    let body = try loopBody(rows, columns, &emitter)
    let results = emitter.add(
      "Loop", [trips, "", zeros, noCover], [("body", .graph(body))], name: name("loop"),
      results: [name("sum"), name("cover")])
    return emitter.add("Div", results, name: place.name)
  }

  private func name(_ part: String) -> String { "\(place.name).\(part)" }

  private func zeroMap(_ shape: [OnnxSize], _ part: String, _ emitter: inout OnnxEmitter) throws -> String {
    let vector = try emitter.vector(shape, name: name(part + ".shape"))
    return emitter.add("ConstantOfShape", [vector], name: name(part))
  }

  /// ``WindowGrid``'s numbers: k = min(s, side), c = ⌊(s − 1)/k⌋ + 1, step = max(1, ⌈(s − k)/max(c − 1, 1)⌉), starts at
  /// min(i·step, s − k) for i below ⌈(s − k)/step⌉ + 1.
  private func axis(_ size: OnnxSize, _ part: String, _ emitter: inout OnnxEmitter) throws -> Axis {
    func compute(_ op: String, _ a: OnnxSize, _ b: OnnxSize, _ what: String) throws -> OnnxSize {
      try emitter.arithmetic(op, a, b, name: name("\(part).\(what)")) { x, y in
        switch op {
        case "Add": x + y
        case "Sub": x - y
        case "Mul": x * y
        case "Div": x / y
        case "Min": min(x, y)
        default: max(x, y)
        }
      }
    }
    func roundedUp(_ a: OnnxSize, _ b: OnnxSize, _ what: String) throws -> OnnxSize {
      let sum = try compute("Add", a, try compute("Sub", b, .known(1), what + ".less"), what + ".raised")
      return try compute("Div", sum, b, what)
    }
    let length = try compute("Min", size, .known(windows.side), "length")
    let last = try compute("Sub", size, length, "last")
    let gaps = try compute("Div", try compute("Sub", size, .known(1), "end"), length, "gaps")
    let step = try roundedUp(last, try compute("Max", gaps, .known(1), "gaps_or_1"), "even_step")
    let positive = try compute("Max", step, .known(1), "step")
    let count = try compute("Add", try roundedUp(last, positive, "steps"), .known(1), "count")
    return Axis(length: length, step: positive, last: last, count: count)
  }

  private func loopBody(_ rows: Axis, _ columns: Axis, _ emitter: inout OnnxEmitter) throws -> OnnxGraph {
    let inputs = ["index", "go_on", "sum_in", "cover_in"].map { emitter.unique(name($0)) }
    var outputs: [String] = []
    let nodes = try emitter.inner(sizes: [:]) { inner in
      let goOn = inner.add("Identity", [inputs[1]], name: name("goes_on"))
      let index = OnnxSize.value(
        inner.add("Unsqueeze", [inputs[0], try inner.ints([0])], name: name("index_vector")))
      let row = try inner.arithmetic("Div", index, columns.count, name: name("row")) { $0 / $1 }
      let column = try inner.arithmetic("Mod", index, columns.count, name: name("column")) { $0 % $1 }
      let (top, left) = (try start(row, rows, "top", &inner), try start(column, columns, "left", &inner))
      let part = try part(top, left, rows, columns, &inner)
      let result = try inner.emit(windows.body, inputs: [part])[0]
      let size = try inner.vector([.known(1), .known(1), rows.length, columns.length], name: name("window_size"))
      let ones = inner.add("Expand", [try inner.scalar(1), size], name: name("ones"))
      let pads = try pads(top, left, rows, columns, &inner)
      let sum = inner.add(
        "Add", [inputs[2], inner.add("Pad", [result, pads], name: name("placed"))], name: name("sum_out"))
      let cover = inner.add(
        "Add", [inputs[3], inner.add("Pad", [ones, pads], name: name("placed_ones"))], name: name("cover_out"))
      outputs = [goOn, sum, cover]
    }
    let types: [DType] = [.int64, .bool, .float32, .float32]
    return OnnxGraph(
      name: "window", nodes: nodes,
      inputs: zip(inputs, types).map { OnnxValue(name: $0, dtype: $1, shape: $1 == .float32 ? nil : []) },
      outputs: zip(outputs, types.dropFirst()).map { OnnxValue(name: $0, dtype: $1, shape: $1 == .bool ? [] : nil) })
  }

  private func start(
    _ index: OnnxSize, _ axis: Axis, _ part: String, _ emitter: inout OnnxEmitter
  ) throws -> OnnxSize {
    let even = try emitter.arithmetic("Mul", index, axis.step, name: name(part + ".even")) { $0 * $1 }
    return try emitter.arithmetic("Min", even, axis.last, name: name(part)) { min($0, $1) }
  }

  private func part(
    _ top: OnnxSize, _ left: OnnxSize, _ rows: Axis, _ columns: Axis, _ emitter: inout OnnxEmitter
  ) throws -> String {
    let bottom = try emitter.arithmetic("Add", top, rows.length, name: name("bottom")) { $0 + $1 }
    let right = try emitter.arithmetic("Add", left, columns.length, name: name("right")) { $0 + $1 }
    let bounds = [
      try emitter.vector([top, left], name: name("corner")), try emitter.vector([bottom, right], name: name("end")),
      try emitter.ints([2, 3]),
    ]
    return emitter.add("Slice", [place.operands[0].name] + bounds, name: name("part"))
  }

  private func pads(
    _ top: OnnxSize, _ left: OnnxSize, _ rows: Axis, _ columns: Axis, _ emitter: inout OnnxEmitter
  ) throws -> String {
    let below = try emitter.arithmetic("Sub", rows.last, top, name: name("below")) { $0 - $1 }
    let beside = try emitter.arithmetic("Sub", columns.last, left, name: name("beside")) { $0 - $1 }
    let zero = OnnxSize.known(0)
    return try emitter.vector([zero, zero, top, left, zero, zero, below, beside], name: name("pads"))
  }
}
