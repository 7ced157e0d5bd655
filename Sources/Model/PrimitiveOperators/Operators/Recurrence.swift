import Tensors

/// Recurrent networks along a sequence, forwards, backwards or both: RNN, GRU and LSTM.
struct Recurrence: TensorFunction {
  enum Cell: Int { case plain = 1, gated = 3, memory = 4 }

  let cell: Cell
  let hidden: Int
  let direction: String
  let clip: Double?
  let isBatchFirst: Bool
  let linearBeforeReset: Bool
  let couplesGates: Bool
  let activations: [RecurrentActivation]
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    cell = attributes.name == "LSTM" ? .memory : attributes.name == "GRU" ? .gated : .plain
    hidden = try attributes.integer("hidden_size", 0, in: 1...Limits.maxWindow)
    direction = try attributes.choice("direction", "forward", of: ["forward", "reverse", "bidirectional"])
    clip = try attributes.real("clip")
    isBatchFirst = try attributes.flag("layout")
    linearBeforeReset = cell == .gated ? try attributes.flag("linear_before_reset") : false
    couplesGates = cell == .memory ? try attributes.flag("input_forget") : false
    outputCount = attributes.outputCount
    let defaults = cell == .plain ? ["Tanh"] : cell == .gated ? ["Sigmoid", "Tanh"] : ["Sigmoid", "Tanh", "Tanh"]
    let count = defaults.count * (direction == "bidirectional" ? 2 : 1)
    let names = try attributes.strings("activations") ?? Array([defaults, defaults].joined().prefix(count))
    let alphas = try attributes.reals("activation_alpha") ?? []
    let betas = try attributes.reals("activation_beta") ?? []
    guard names.count == count else { throw attributes.failure("has \(names.count) activations, not \(count).") }
    activations = try names.enumerated().map { i, name in
      try RecurrentActivation(name, i < alphas.count ? alphas[i] : nil, i < betas.count ? betas[i] : nil, attributes)
    }
  }

  private var directions: Int { direction == "bidirectional" ? 2 : 1 }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (input, weight, recurrent) = (
      try facts.shape(0, rank: 3...3), try facts.shape(1, rank: 3...3), try facts.shape(2, rank: 3...3)
    )
    try facts.floating(0)
    _ = try facts.same(weight[2], input[2], "input")
    for shape in [weight, recurrent] {
      _ = try facts.same(shape[0], Dimension(directions), "directions")
      _ = try facts.same(shape[1], Dimension(cell.rawValue * hidden), "gates")
    }
    _ = try facts.same(recurrent[2], Dimension(hidden), "hidden units")
    let (length, batch) = isBatchFirst ? (input[1], input[0]) : (input[0], input[1])
    let d = Dimension(directions), h = Dimension(hidden)
    let type = try facts.type(0).dtype
    let all = ValueType(type, isBatchFirst ? [batch, length, d, h] : [length, d, batch, h])
    let last = ValueType(type, isBatchFirst ? [batch, d, h] : [d, batch, h])
    return Array([all, last, last].prefix(outputCount))
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let steps = isBatchFirst ? try Self.swapped(input) : input
    let (length, batch, width) = (steps.shape[0], steps.shape[1], steps.shape[2])
    guard try inputs.required(1).shape == [directions, cell.rawValue * hidden, width],
      try inputs.required(2).shape == [directions, cell.rawValue * hidden, hidden]
    else { throw valueError("Weights of a recurrent network do not fit its input.") }
    let lengths = inputs.integers(4) ?? [Int](repeating: length, count: batch)
    guard lengths.count == batch, lengths.allSatisfy({ $0 >= 0 && $0 <= length }) else {
      throw valueError("Sequences of lengths \(lengths.prefix(16)) do not fit \(length) steps.")
    }
    let counts = [
      (3, directions * 2 * cell.rawValue * hidden), (5, directions * batch * hidden),
      (6, directions * batch * hidden), (7, directions * 3 * hidden),
    ]
    for (index, count) in counts where (inputs.optional(index)?.elementCount ?? count) != count {
      throw valueError("Input \(index) of a recurrent network does not fit the others.")
    }
    guard [5, 6].allSatisfy({ (inputs.optional($0)?.shape.count ?? 3) == 3 }) else {
      throw valueError("The state of a recurrent network has three axes.")
    }
    try Tensor.checkSize(input.dtype, [length, directions, batch, hidden])
    var all = [Double](repeating: 0, count: length * directions * batch * hidden)
    var lastHidden: [Double] = []
    var lastCell: [Double] = []
    let values = steps.doubles()
    for d in 0..<directions {
      let isReverse = direction == "reverse" || d == 1
      var unit = try RecurrentUnit(self, inputs, direction: d, batch: batch, width: width)
      for n in 0..<batch {
        for step in 0..<lengths[n] {
          let t = isReverse ? lengths[n] - 1 - step : step
          let at = (t * batch + n) * width
          let state = unit.step(n, values[at..<at + width])
          let to = ((t * directions + d) * batch + n) * hidden
          for i in 0..<hidden { all[to + i] = state[i] }
        }
      }
      lastHidden += unit.hidden.flatMap { $0 }
      lastCell += unit.cell.flatMap { $0 }
    }
    var results = [try Tensor(dtype: input.dtype, shape: [length, directions, batch, hidden], reals: all)]
    for values in [lastHidden, lastCell] {
      results.append(try Tensor(dtype: input.dtype, shape: [directions, batch, hidden], reals: values))
    }
    if isBatchFirst {
      let strides = Shapes.strides(results[0].shape)
      results[0] = try Strided.gather(
        results[0], shape: [batch, length, directions, hidden],
        strides: [strides[2], strides[0], strides[1], strides[3]])
      for i in 1...2 { results[i] = try Self.swapped(results[i]) }
    }
    return Array(results.prefix(outputCount))
  }

  /// The first two axes of three exchanged.
  static func swapped(_ tensor: Tensor) throws -> Tensor {
    let strides = Shapes.strides(tensor.shape)
    return try Strided.gather(
      tensor, shape: [tensor.shape[1], tensor.shape[0], tensor.shape[2]], strides: [strides[1], strides[0], strides[2]])
  }
}

/// A function that a recurrent cell applies.
struct RecurrentActivation: Sendable {
  let apply: @Sendable (Double) -> Double

  init(_ name: String, _ alpha: Double?, _ beta: Double?, _ attributes: AttributeReader) throws {
    switch name.lowercased() {
    case "tanh": apply = { Mathematics.tanh($0) }
    case "sigmoid": apply = { Mathematics.sigmoid($0) }
    case "relu": apply = { max(0, $0) }
    case "affine": apply = { (alpha ?? 1) * $0 + (beta ?? 0) }
    case "leakyrelu": apply = { $0 >= 0 ? $0 : (alpha ?? 0.01) * $0 }
    case "thresholdedrelu": apply = { $0 >= (alpha ?? 1) ? $0 : 0 }
    case "scaledtanh": apply = { (alpha ?? 1) * Mathematics.tanh((beta ?? 1) * $0) }
    case "hardsigmoid": apply = { min(max((alpha ?? 0.2) * $0 + (beta ?? 0.5), 0), 1) }
    case "elu": apply = { $0 >= 0 ? $0 : (alpha ?? 1) * (Mathematics.exp($0) - 1) }
    case "softsign": apply = { $0 / (1 + $0.magnitude) }
    case "softplus": apply = { Mathematics.softplus($0) }
    default: throw attributes.failure("has an activation \(EVSSMError.escaped(name)), which is not supported.")
    }
  }
}

/// One direction of a recurrent network with its state.
private struct RecurrentUnit {
  let network: Recurrence
  let weights, recurrent, inputBias, recurrentBias, peepholes: [Double]
  let width: Int
  let activations: [RecurrentActivation]
  var hidden, cell: [[Double]]

  init(_ network: Recurrence, _ inputs: [Tensor?], direction: Int, batch: Int, width: Int) throws {
    self.network = network
    self.width = width
    let size = network.hidden
    let gates = network.cell.rawValue * size
    func part(_ index: Int, _ count: Int, at offset: Int = 0) -> [Double] {
      guard let all = inputs.optional(index)?.doubles() else { return [Double](repeating: 0, count: count) }
      return Array(all[offset..<offset + count])
    }
    weights = part(1, gates * width, at: direction * gates * width)
    recurrent = part(2, gates * size, at: direction * gates * size)
    inputBias = part(3, gates, at: direction * 2 * gates)
    recurrentBias = part(3, gates, at: direction * 2 * gates + gates)
    peepholes = part(7, 3 * size, at: direction * 3 * size)
    func state(_ index: Int) throws -> [[Double]] {
      guard let tensor = inputs.optional(index) else {
        return [[Double]](repeating: [Double](repeating: 0, count: size), count: batch)
      }
      let all = network.isBatchFirst ? try Recurrence.swapped(tensor).doubles() : tensor.doubles()
      return (0..<batch).map { Array(all[(direction * batch + $0) * size..<(direction * batch + $0 + 1) * size]) }
    }
    hidden = try state(5)
    cell = try state(6)
    let count = network.activations.count / (network.direction == "bidirectional" ? 2 : 1)
    activations = Array(network.activations[direction * count..<(direction + 1) * count])
  }

  private func clipped(_ x: Double) -> Double { network.clip.map { min(max(x, -$0), $0) } ?? x }

  private func fromInput(_ gate: Int, _ i: Int, _ x: ArraySlice<Double>) -> Double {
    let row = gate * network.hidden + i
    return zip(weights[row * width..<(row + 1) * width], x).reduce(inputBias[row]) { $0 + $1.0 * $1.1 }
  }

  private func fromState(_ gate: Int, _ i: Int, _ h: [Double]) -> Double {
    let size = network.hidden
    let row = gate * size + i
    return zip(recurrent[row * size..<(row + 1) * size], h).reduce(recurrentBias[row]) { $0 + $1.0 * $1.1 }
  }

  /// Takes one position of sequence `n` and gives the new state.
  mutating func step(_ n: Int, _ x: ArraySlice<Double>) -> [Double] {
    let h = hidden[n]
    switch network.cell {
    case .plain: hidden[n] = h.indices.map { activations[0].apply(clipped(fromInput(0, $0, x) + fromState(0, $0, h))) }
    case .gated: gated(n, x, h)
    case .memory: memory(n, x, h)
    }
    return hidden[n]
  }

  private mutating func gated(_ n: Int, _ x: ArraySlice<Double>, _ h: [Double]) {
    let f = activations[0].apply
    let g = activations[1].apply
    let update = h.indices.map { f(clipped(fromInput(0, $0, x) + fromState(0, $0, h))) }
    let reset = h.indices.map { f(clipped(fromInput(1, $0, x) + fromState(1, $0, h))) }
    let resetState = zip(reset, h).map { $0 * $1 }
    hidden[n] = h.indices.map { i in
      let recurrent = network.linearBeforeReset ? reset[i] * fromState(2, i, h) : fromState(2, i, resetState)
      return (1 - update[i]) * g(clipped(fromInput(2, i, x) + recurrent)) + update[i] * h[i]
    }
  }

  private mutating func memory(_ n: Int, _ x: ArraySlice<Double>, _ h: [Double]) {
    let size = network.hidden
    let (f, g, last) = (activations[0].apply, activations[1].apply, activations[2].apply)
    for i in 0..<size {
      let old = cell[n][i]
      let input = f(clipped(fromInput(0, i, x) + fromState(0, i, h) + peepholes[i] * old))
      let forget =
        network.couplesGates
        ? 1 - input : f(clipped(fromInput(2, i, x) + fromState(2, i, h) + peepholes[2 * size + i] * old))
      let new = forget * old + input * g(clipped(fromInput(3, i, x) + fromState(3, i, h)))
      let output = f(clipped(fromInput(1, i, x) + fromState(1, i, h) + peepholes[size + i] * new))
      cell[n][i] = new
      hidden[n][i] = output * last(new)
    }
  }
}
