import Tensors

/// Copies elements of any type between dense and strided places: what moves data without looking at it.
enum Strided {
  /// A dense tensor of `shape` whose element at (i, j, …) is `source`'s at offset + i·strides[0] + j·strides[1] + …,
  /// counted in elements.
  ///
  /// All offsets must lie in the source.
  static func gather(_ source: Tensor, shape: [Int], strides: [Int], offset: Int = 0) throws -> Tensor {
    try Tensor(checked: source.dtype, shape: shape) { out in
      source.withUnsafeBytes { bytes in
        gather(bytes, source.dtype.byteCount, shape: shape, strides: strides, offset: offset, into: out)
      }
    }
  }

  static func gather(
    _ bytes: UnsafeRawBufferPointer, _ size: Int, shape: [Int], strides: [Int], offset: Int,
    into out: UnsafeMutableRawBufferPointer
  ) {
    switch size {
    case 1:
      copy(
        bytes.bindMemory(to: UInt8.self), to: out.bindMemory(to: UInt8.self), shape: shape, strides: strides,
        offset: offset)
    case 2:
      copy(
        bytes.bindMemory(to: UInt16.self), to: out.bindMemory(to: UInt16.self), shape: shape, strides: strides,
        offset: offset)
    case 4:
      copy(
        bytes.bindMemory(to: UInt32.self), to: out.bindMemory(to: UInt32.self), shape: shape, strides: strides,
        offset: offset)
    default:
      copy(
        bytes.bindMemory(to: UInt64.self), to: out.bindMemory(to: UInt64.self), shape: shape, strides: strides,
        offset: offset)
    }
  }

  private static func copy<Element: BitwiseCopyable>(
    _ source: UnsafeBufferPointer<Element>, to out: UnsafeMutableBufferPointer<Element>, shape: [Int], strides: [Int],
    offset: Int
  ) {
    guard let from = source.baseAddress, let to = out.baseAddress, !shape.contains(0) else { return }
    guard let length = shape.last, let step = strides.last else {
      to[0] = from[offset]
      return
    }
    var at = 0
    Shapes.forEach(Array(shape.dropLast()), [Array(strides.dropLast())]) { _, offsets in
      let line = from + offset + offsets[0]
      if step == 1 {
        (to + at).update(from: line, count: length)
      } else {
        for i in 0..<length { to[at + i] = line[i * step] }
      }
      at += length
    }
  }

  /// Copies a dense tensor into the places of a larger one that a start and strides name.
  static func scatter(
    _ source: Tensor, into out: UnsafeMutableRawBufferPointer, strides: [Int], offset: Int
  ) {
    let size = source.dtype.byteCount
    let shape = source.shape
    if shape.contains(0) { return }
    let isDense = strides.last == 1
    let length = isDense ? shape.last ?? 1 : 1
    let outer = isDense ? Array(shape.dropLast()) : shape
    let steps = isDense ? Array(strides.dropLast()) : strides
    source.withUnsafeBytes { bytes in
      guard let from = bytes.baseAddress, let to = out.baseAddress else { return }
      Shapes.forEach(outer, [steps]) { index, offsets in
        (to + (offset + offsets[0]) * size).copyMemory(from: from + index * length * size, byteCount: length * size)
      }
    }
  }
}
