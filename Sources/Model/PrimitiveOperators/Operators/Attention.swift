import Tensors

/// Scaled dot-product attention, with heads that share keys, a cache, masks and windows.
struct Attention: TensorFunction {
  let isCausal: Bool
  let queryHeads, keyHeads: Int?
  let scale: Double?
  let softcap: Double
  let productStage: Int
  let left, right: Int
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    isCausal = try attributes.flag("is_causal")
    queryHeads = try attributes.integer("q_num_heads")
    keyHeads = try attributes.integer("kv_num_heads")
    guard (queryHeads ?? 1) > 0, (keyHeads ?? 1) > 0 else {
      throw attributes.failure("needs a positive number of heads.")
    }
    scale = try attributes.real("scale")
    softcap = try attributes.real("softcap", 0)
    productStage = try attributes.integer("qk_matmul_output_mode", 0, in: 0...3)
    left = try attributes.integer("left_window_size", -1, in: -1...Limits.maxDimension)
    right = try attributes.integer("right_window_size", -1, in: -1...Limits.maxDimension)
    attributes.ignore("softmax_precision")
    outputCount = attributes.outputCount
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (q, k, v) = (try facts.shape(0, rank: 3...4), try facts.shape(1, rank: 3...4), try facts.shape(2, rank: 3...4))
    guard q.count == k.count, k.count == v.count else {
      throw facts.failure("needs queries, keys and values of as many axes")
    }
    for index in 0...2 { try facts.floating(index) }
    let dtype = try facts.type(0).dtype
    let query = try split(q, queryHeads, facts)
    let key = try split(k, keyHeads, facts)
    let value = try split(v, keyHeads, facts)
    if let a = query[1].known, let b = key[1].known, b == 0 || a % b != 0 {
      throw facts.failure("has \(a) heads of queries and \(b) of keys")
    }
    let past = facts.has(4) ? try facts.shape(4, rank: 4...4)[2] : 0
    let total = try key[2].plus(past)
    let result =
      q.count == 3
      ? [q[0], q[1], try facts.product([query[1], value[3]], "width")] : [query[0], query[1], query[2], value[3]]
    return Array(
      [
        ValueType(dtype, result), ValueType(try facts.type(1).dtype, [key[0], key[1], total, key[3]]),
        ValueType(try facts.type(2).dtype, [value[0], value[1], total, value[3]]),
        ValueType(dtype, [query[0], query[1], query[2], total]),
      ].prefix(outputCount))
  }

  /// A shape (batch, length, heads · size) as (batch, heads, length, size).
  private func split(_ shape: [Dimension], _ heads: Int?, _ facts: Facts) throws -> [Dimension] {
    if shape.count == 4 { return shape }
    guard let heads else { throw facts.failure("needs the number of heads") }
    if let width = shape[2].known, width % heads != 0 {
      throw facts.failure("has \(heads) heads for a width of \(width)")
    }
    return [shape[0], Dimension(heads), shape[1], try shape[2].dividedRoundingDown(by: heads)]
  }

  private func split(_ tensor: Tensor, _ heads: Int?) throws -> Tensor {
    if tensor.shape.count == 4 { return tensor }
    guard let heads, tensor.shape[2] % heads == 0 else {
      throw valueError("Heads do not divide a width of \(tensor.shape[2]).")
    }
    let (batch, length, size) = (tensor.shape[0], tensor.shape[1], tensor.shape[2] / heads)
    return try Strided.gather(
      tensor, shape: [batch, heads, length, size], strides: [length * heads * size, size, heads * size, 1])
  }

  private func joined(_ past: Tensor?, _ new: Tensor) throws -> Tensor {
    guard let past else { return new }
    guard past.shape.count == new.shape.count, past.dtype == new.dtype else {
      throw valueError("A cache of shape \(past.shape) does not fit \(new.shape).")
    }
    return try Concat(axis: 2).evaluate([past, new])[0]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let isFlat = try inputs.required(0).shape.count == 3
    let query = try split(inputs.required(0), queryHeads)
    let key = try joined(inputs.optional(4), split(inputs.required(1), keyHeads))
    let value = try joined(inputs.optional(5), split(inputs.required(2), keyHeads))
    let (batch, heads, rows, size) = (query.shape[0], query.shape[1], query.shape[2], query.shape[3])
    let (groups, total, width) = (key.shape[1], key.shape[2], value.shape[3])
    guard groups > 0, heads % groups == 0, key.shape[0] == batch, key.shape[3] == size,
      value.shape[..<3] == key.shape[..<3]
    else { throw valueError("Queries \(query.shape), keys \(key.shape) and values \(value.shape) do not fit.") }
    try Tensor.checkSize(query.dtype, [batch, heads, rows, total])
    let bias = try AttentionBias(self, inputs, batch: batch, heads: heads, rows: rows, total: total)
    let (q, k, v) = (query.doubles(), key.doubles(), value.doubles())
    let factor = scale ?? 1 / Double(size).squareRoot()
    var out = [Double](repeating: 0, count: batch * heads * rows * width)
    var products = [Double](repeating: 0, count: batch * heads * rows * total)
    for head in 0..<batch * heads {
      let shared = head / heads * groups + head % heads / (heads / groups)
      for row in 0..<rows {
        let start = (head * rows + row) * total
        var scores = (0..<total).map { column in
          (0..<size).reduce(0.0) { $0 + q[(head * rows + row) * size + $1] * k[(shared * total + column) * size + $1] }
            * factor
        }
        if productStage == 0 { for j in 0..<total { products[start + j] = scores[j] } }
        if softcap > 0 { scores = scores.map { softcap * Mathematics.tanh($0 / softcap) } }
        if productStage == 1 { for j in 0..<total { products[start + j] = scores[j] } }
        for j in 0..<total { scores[j] += bias.value(head, row, j) }
        if productStage == 2 { for j in 0..<total { products[start + j] = scores[j] } }
        Self.softmax(&scores)
        if productStage == 3 { for j in 0..<total { products[start + j] = scores[j] } }
        for j in 0..<total where scores[j] != 0 {
          for c in 0..<width { out[(head * rows + row) * width + c] += scores[j] * v[(shared * total + j) * width + c] }
        }
      }
    }
    var result = try Tensor(dtype: query.dtype, shape: [batch, heads, rows, width], reals: out)
    if isFlat {
      result = try Strided.gather(
        result, shape: [batch, rows, heads, width], strides: [heads * rows * width, width, rows * width, 1])
      result = try result.reshaped([batch, rows, heads * width])
    }
    let scores = try Tensor(dtype: query.dtype, shape: [batch, heads, rows, total], reals: products)
    return Array([result, key, value, scores].prefix(outputCount))
  }

  /// In place; a row in which nothing may be attended becomes zeros.
  private static func softmax(_ scores: inout [Double]) {
    let peak = scores.max() ?? 0
    guard peak > -.infinity else {
      for i in scores.indices { scores[i] = 0 }
      return
    }
    for i in scores.indices { scores[i] = Mathematics.exp(scores[i] - peak) }
    let sum = scores.reduce(0, +)
    for i in scores.indices { scores[i] /= sum }
  }
}

/// What is added to the scores of an attention: 0 or −∞ for masks, or any number.
private struct AttentionBias {
  private let attention: Attention
  private let heads, rows, total: Int
  private let mask: [Double]?
  private let map: [Int]?
  /// Columns that the mask has, and its elements a row.
  private let maskLength, stride: Int
  private let valid: [Int]?
  private let past: Int

  init(_ attention: Attention, _ inputs: [Tensor?], batch: Int, heads: Int, rows: Int, total: Int) throws {
    self.attention = attention
    (self.heads, self.rows, self.total) = (heads, rows, total)
    past = inputs.optional(4)?.shape[2] ?? 0
    valid = inputs.integers(6)
    guard (valid?.count ?? batch) == batch, valid?.allSatisfy({ (0...total).contains($0) }) ?? true else {
      throw valueError("Attention needs a length of up to \(total) for each of \(batch) samples.")
    }
    guard let tensor = inputs.optional(3) else {
      (mask, map, maskLength, stride) = (nil, nil, 0, 0)
      return
    }
    let length = tensor.shape.last ?? total
    maskLength = min(length, total)
    stride = length
    let values = tensor.dtype == .bool ? tensor.integers().map { $0 != 0 ? 0 : -.infinity } : tensor.doubles()
    mask = values
    map = try Shapes.map(tensor.shape, to: [batch, heads, rows, length]) ?? Array(values.indices)
  }

  func value(_ head: Int, _ row: Int, _ column: Int) -> Double {
    var bias = 0.0
    if let mask, let map {
      if column >= maskLength { return -.infinity }
      bias = mask[map[(head * rows + row) * stride + column]]
    }
    let length = valid?[head / heads]
    if let length, column >= length { return -.infinity }
    let position = row + (length.map { $0 - rows } ?? past)
    if attention.isCausal, column > position { return -.infinity }
    if attention.left >= 0, column < position - attention.left { return -.infinity }
    if attention.right >= 0, column > position + attention.right { return -.infinity }
    return bias
  }
}

/// Pairs of elements turned by the angles of their position.
struct RotaryEmbedding: TensorFunction {
  let isInterleaved: Bool
  let rotated: Int
  let heads: Int

  init(_ attributes: AttributeReader) throws {
    isInterleaved = try attributes.flag("interleaved")
    rotated = try attributes.integer("rotary_embedding_dim", 0, in: 0...Limits.maxWindow)
    heads = try attributes.integer("num_heads", 0, in: 0...Limits.maxWindow)
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let type = try facts.type(0)
    _ = try facts.shape(0, rank: 3...4)
    for index in 0...2 { try facts.floating(index) }
    guard type.shape.count == 4 || heads > 0 else { throw facts.failure("needs the number of heads") }
    return [type]
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let input = try inputs.required(0)
    let (cosines, sines) = (try inputs.required(1), try inputs.required(2))
    let isFlat = input.shape.count == 3
    let batch = input.shape[0]
    let length = isFlat ? input.shape[1] : input.shape[2]
    let heads = isFlat ? self.heads : input.shape[1]
    guard heads > 0, !isFlat || input.shape[2] % heads == 0 else { throw valueError("Heads do not divide the width.") }
    let size = isFlat ? input.shape[2] / heads : input.shape[3]
    let half = (rotated == 0 ? size : rotated) / 2
    guard half * 2 <= size, cosines.shape.last == half, sines.shape == cosines.shape else {
      throw valueError("Angles of shape \(cosines.shape) do not fit heads of \(size).")
    }
    let positions = inputs.integers(3)
    let table = cosines.elementCount / max(half, 1)
    guard
      positions.map({ $0.count == batch * length && $0.allSatisfy { $0 >= 0 && $0 < table } })
        ?? (table == batch * length)
    else { throw valueError("Positions do not fit the angles.") }
    let (c, s) = (cosines.doubles(), sines.doubles())
    var values = input.doubles()
    for n in 0..<batch {
      for t in 0..<length {
        let angles = (positions?[n * length + t] ?? n * length + t) * half
        for head in 0..<heads {
          let start = isFlat ? ((n * length + t) * heads + head) * size : ((n * heads + head) * length + t) * size
          for i in 0..<half {
            let (a, b) = isInterleaved ? (start + 2 * i, start + 2 * i + 1) : (start + i, start + half + i)
            let (x, y) = (values[a], values[b])
            values[a] = c[angles + i] * x - s[angles + i] * y
            values[b] = s[angles + i] * x + c[angles + i] * y
          }
        }
      }
    }
    return [try Tensor(dtype: input.dtype, shape: input.shape, reals: values)]
  }
}

/// Attention whose state is a matrix that every position adds to.
struct LinearAttention: TensorFunction {
  let rule: String
  let queryHeads, keyHeads: Int
  let scale: Double?
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    rule = try attributes.choice("update_rule", "gated_delta", of: ["linear", "gated", "delta", "gated_delta"])
    queryHeads = try attributes.integer("q_num_heads", 0, in: 1...Limits.maxWindow)
    keyHeads = try attributes.integer("kv_num_heads", 0, in: 1...Limits.maxWindow)
    guard queryHeads % keyHeads == 0 else { throw attributes.failure("has heads that cannot share keys.") }
    let given = try attributes.real("scale", 0)
    scale = given == 0 ? nil : given
    attributes.ignore("chunk_size")
    outputCount = attributes.outputCount
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (q, k, v) = (try facts.shape(0, rank: 3...3), try facts.shape(1, rank: 3...3), try facts.shape(2, rank: 3...3))
    for index in 0...5 { try facts.floating(index) }
    let value = try v[2].dividedRoundingDown(by: keyHeads)
    let state = [q[0], Dimension(keyHeads), try k[2].dividedRoundingDown(by: keyHeads), value]
    let stateType = facts.has(3) ? try facts.type(3).dtype : try facts.type(0).dtype
    let result = ValueType(try facts.type(0).dtype, [q[0], q[1], try value.times(queryHeads)])
    return Array([result, ValueType(stateType, state)].prefix(outputCount))
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (query, key, value) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
    let (batch, length) = (query.shape[0], query.shape[1])
    let (dk, dv) = (key.shape[2] / keyHeads, value.shape[2] / keyHeads)
    guard key.shape[0] == batch, key.shape[1] == length, value.shape[..<2] == key.shape[..<2],
      key.shape[2] == dk * keyHeads, value.shape[2] == dv * keyHeads, query.shape[2] == dk * queryHeads
    else { throw valueError("Queries, keys and values do not fit.") }
    let (q, k, v) = (query.doubles(), key.doubles(), value.doubles())
    let (decay, beta) = (inputs.optional(4), inputs.optional(5))
    let (g, b) = (decay?.doubles(), beta?.doubles())
    guard !rule.hasPrefix("gated") || decay != nil, !rule.hasSuffix("delta") || beta != nil,
      decay.map({
        $0.shape.count == 3 && $0.shape[..<2] == key.shape[..<2] && [keyHeads, keyHeads * dk].contains($0.shape[2])
      }) ?? true,
      beta.map({ $0.shape.count == 3 && $0.shape[..<2] == key.shape[..<2] && [1, keyHeads].contains($0.shape[2]) })
        ?? true
    else { throw valueError("The update rule \(rule) needs decays and rates that fit the keys.") }
    let shape = [batch, keyHeads, dk, dv]
    var state = inputs.optional(3)?.doubles() ?? [Double](repeating: 0, count: shape.reduce(1, *))
    guard state.count == shape.reduce(1, *) else { throw valueError("The state does not fit the keys.") }
    let shared = queryHeads / keyHeads
    let factor = scale ?? 1 / Double(dk).squareRoot()
    var out = [Double](repeating: 0, count: batch * length * queryHeads * dv)
    for n in 0..<batch {
      for h in 0..<keyHeads {
        let base = (n * keyHeads + h) * dk * dv
        for t in 0..<length {
          let at = n * length + t
          if rule.hasPrefix("gated"), let g, let width = decay?.shape[2] {
            for i in 0..<dk {
              let factor = Mathematics.exp(g[at * width + (width == keyHeads ? h : h * dk + i)])
              for j in 0..<dv { state[base + i * dv + j] *= factor }
            }
          }
          for j in 0..<dv {
            var update = v[(at * keyHeads + h) * dv + j]
            if rule.hasSuffix("delta"), let b, let width = beta?.shape[2] {
              let read = (0..<dk).reduce(0.0) { $0 + state[base + $1 * dv + j] * k[(at * keyHeads + h) * dk + $1] }
              update = b[at * width + (width == 1 ? 0 : h)] * (update - read)
            }
            for i in 0..<dk { state[base + i * dv + j] += k[(at * keyHeads + h) * dk + i] * update }
          }
          for head in h * shared..<(h + 1) * shared {
            for j in 0..<dv {
              out[(at * queryHeads + head) * dv + j] =
                factor
                * (0..<dk).reduce(0.0) { $0 + q[(at * queryHeads + head) * dk + $1] * state[base + $1 * dv + j] }
            }
          }
        }
      }
    }
    let result = try Tensor(dtype: query.dtype, shape: [batch, length, queryHeads * dv], reals: out)
    return Array(
      [result, try Tensor(dtype: inputs.optional(3)?.dtype ?? query.dtype, shape: shape, reals: state)].prefix(
        outputCount))
  }
}

/// A depthwise convolution along time that sees only the past, with the last positions as state.
struct CausalConvolution: TensorFunction {
  let activates: Bool
  let outputCount: Int

  init(_ attributes: AttributeReader) throws {
    activates = try attributes.choice("activation", "none", of: ["none", "silu", "swish"]) != "none"
    outputCount = attributes.outputCount
  }

  func inferTypes(_ facts: Facts) throws -> [ValueType] {
    let (input, weight) = (try facts.shape(0, rank: 3...3), try facts.shape(1, rank: 3...3))
    for index in 0...3 { try facts.floating(index) }
    try facts.vector(2, input[1])
    let type = try facts.type(0)
    return Array([type, ValueType(type.dtype, [input[0], input[1], try weight[2].plus(-1)])].prefix(outputCount))
  }

  func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
    let (input, weight) = (try inputs.required(0), try inputs.required(1))
    let (batch, channels, length) = (input.shape[0], input.shape[1], input.shape[2])
    let taps = weight.shape[2]
    guard taps > 0, weight.shape[0] == channels, weight.shape[1] == 1 else {
      throw valueError("Weights do not fit the channels.")
    }
    let (x, w) = (input.doubles(), weight.doubles())
    let bias = inputs.optional(2)?.doubles()
    let past = inputs.optional(3)?.doubles() ?? [Double](repeating: 0, count: batch * channels * (taps - 1))
    guard past.count == batch * channels * (taps - 1), (bias?.count ?? channels) == channels else {
      throw valueError("Bias or state do not fit the channels.")
    }
    var out = x
    var state: [Double] = []
    for line in 0..<batch * channels {
      let row = Array(past[line * (taps - 1)..<(line + 1) * (taps - 1)] + x[line * length..<(line + 1) * length])
      for t in 0..<length {
        let sum = (0..<taps).reduce(bias?[line % channels] ?? 0) { $0 + w[line % channels * taps + $1] * row[t + $1] }
        out[line * length + t] = activates ? sum * Mathematics.sigmoid(sum) : sum
      }
      state += row.suffix(taps - 1)
    }
    let result = try Tensor(dtype: input.dtype, shape: input.shape, reals: out)
    return Array(
      [result, try Tensor(dtype: input.dtype, shape: [batch, channels, taps - 1], reals: state)].prefix(outputCount))
  }
}
