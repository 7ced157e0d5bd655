import Tensors

/// Rules for shapes that several operators share.
enum Shapes {
  /// Elements between neighbours on each axis of a dense row-major tensor.
  static func strides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] &* max(shape[axis + 1], 1) }
    return strides
  }

  /// The shape to which all are stretched: sizes of 1 repeat, missing axes in front count as 1.
  static func broadcast(_ shapes: [[Int]]) throws -> [Int] {
    let rank = shapes.map(\.count).max() ?? 0
    var out = [Int](repeating: 1, count: rank)
    for shape in shapes {
      for (i, size) in shape.enumerated() where size != 1 {
        let axis = rank - shape.count + i
        guard out[axis] == 1 || out[axis] == size else { throw valueError("Shapes \(shapes) cannot be broadcast.") }
        out[axis] = size
      }
    }
    return out
  }

  /// Elements between neighbours on each axis of `target` of a tensor of `shape` stretched to it: 0 where it repeats.
  static func broadcastStrides(_ shape: [Int], to target: [Int]) throws -> [Int] {
    let offset = target.count - shape.count
    guard offset >= 0 else { throw valueError("Shape \(shape) cannot be broadcast to \(target).") }
    var out = [Int](repeating: 0, count: target.count)
    let own = strides(shape)
    for axis in shape.indices {
      guard shape[axis] == target[axis + offset] || shape[axis] == 1 else {
        throw valueError("Shape \(shape) cannot be broadcast to \(target).")
      }
      out[axis + offset] = shape[axis] == 1 ? 0 : own[axis]
    }
    return out
  }

  /// Calls `body` with the index of every element of `shape` and, for each list of strides, the offset there.
  static func forEach(_ shape: [Int], _ strides: [[Int]], _ body: (Int, [Int]) throws -> Void) rethrows {
    let count = shape.reduce(1, *)
    if count == 0 { return }
    var position = [Int](repeating: 0, count: shape.count)
    var offsets = [Int](repeating: 0, count: strides.count)
    for index in 0..<count {
      try body(index, offsets)
      var axis = shape.count - 1
      while axis >= 0 {
        position[axis] += 1
        for s in strides.indices { offsets[s] += strides[s][axis] }
        if position[axis] < shape[axis] { break }
        for s in strides.indices { offsets[s] -= strides[s][axis] * shape[axis] }
        position[axis] = 0
        axis -= 1
      }
    }
  }

  /// For every element of `target` the index of the element of `shape` that it repeats; nil when they are the same.
  static func map(_ shape: [Int], to target: [Int]) throws -> [Int]? {
    if shape == target { return nil }
    let strides = try broadcastStrides(shape, to: target)
    var out = [Int](repeating: 0, count: target.reduce(1, *))
    forEach(target, [strides]) { index, offset in out[index] = offset[0] }
    return out
  }
}

extension Facts {
  /// The shape to which all inputs are stretched. Throws on sizes that are known to contradict each other; which of
  /// two symbols holds is left to the binding.
  func broadcast(_ shapes: [[Dimension]]) throws -> [Dimension] {
    let rank = shapes.map(\.count).max() ?? 0
    return try (0..<rank).map { axis in
      try shapes.reduce(Dimension(1)) { out, shape in
        let i = axis - rank + shape.count
        return i < 0 ? out : try merged(out, shape[i])
      }
    }
  }

  private func merged(_ a: Dimension, _ b: Dimension) throws -> Dimension {
    if a == b || b.known == 1 { return a }
    if a.known == 1 { return b }
    if let x = a.known, let y = b.known, x != y { throw failure("cannot broadcast sizes \(x) and \(y)") }
    if a.known != nil { return a }
    if b.known != nil { return b }
    return a.isUnknown ? b : a
  }

  /// One size for two axes that must agree.
  func same(_ a: Dimension, _ b: Dimension, _ what: String) throws -> Dimension {
    if a == b { return a }
    if let x = a.known, let y = b.known, x != y { throw failure("needs equal sizes of \(what), not \(x) and \(y)") }
    if a.known != nil { return a }
    return b.known != nil || a.isUnknown ? b : a
  }

  /// The shape that input `index` holds as values; unknown sizes when only its length is known.
  func shapeValue(_ index: Int) throws -> [Dimension] {
    if let sizes = value(index)?.sizes {
      guard sizes.count <= Limits.maxPrimitiveRank else { throw failure("is asked for \(sizes.count) axes") }
      return sizes
    }
    let type = try type(index)
    guard type.shape.count == 1, let count = type.shape[0].known, count <= Limits.maxPrimitiveRank else {
      throw failure("needs a list of sizes of known length as input \(index)")
    }
    return (0..<count).map { unknown("size \($0)") }
  }
}
