import COnnxProto
import Tensors

/// Makes tensors of the messages of one model. Tensors that lie in the file as they are in memory are not copied.
struct TensorDecoder {
  let model: OnnxModel
  let external: ExternalFolder

  /// The tensor of a message.
  ///
  /// Throws `onnx.tensor` when shape, type and data do not belong together, `onnx.element-type`, `onnx.external-…`,
  /// `size.overflow` and `limit.exceeded`.
  func tensor(_ message: TensorMessage) throws -> Tensor {
    do { return try decode(message) } catch let error as EVSSMError {
      throw error.at(.init(node: text(message.pointee.name)))
    }
  }

  private func decode(_ message: TensorMessage) throws -> Tensor {
    let tensor = message.pointee
    guard tensor.has_data_type != 0 else { throw Self.error("has no element type") }
    let dtype = try ElementType.dtype(tensor.data_type)
    let shape = try Self.shape(numbers(tensor.dims, tensor.n_dims))
    guard tensor.segment == nil else { throw Self.error("is a segment of another one, which is not supported") }
    let data = TensorData(tensor)
    if tensor.has_data_location != 0, tensor.data_location != 0 {
      guard tensor.data_location == 1, data.fields.isEmpty else { throw Self.error("has data in two places") }
      return try external.tensor(message, dtype, shape)
    }
    guard tensor.n_external_data == 0 else { throw Self.error("names external data and does not use them") }
    return try data.tensor(dtype, shape, owner: model)
  }

  /// The sizes of a tensor. Throws `onnx.tensor`, `size.overflow`, `limit.exceeded`.
  static func shape(_ dims: UnsafeBufferPointer<Int64>) throws -> [Int] {
    try Limits.check(dims.count, atMost: Limits.maxOnnxRank, name: "max_onnx_rank", "The number of axes of a tensor")
    for size in dims {
      guard size >= 0 else { throw error("has the negative size \(size)") }
      try Limits.check(Int(size), atMost: Limits.maxDimension, name: "max_dimension", "A size of a tensor")
    }
    let shape = dims.map { Int($0) }
    _ = try Checked.multiply(Checked.product(shape), 8, "The size of a tensor")
    return shape
  }

  static func error(_ what: String) -> EVSSMError {
    EVSSMError("onnx.tensor", "The tensor \(what). The file is damaged or was written by a faulty program.")
  }

  /// A sparse tensor, written out with zeros. Throws what ``tensor(_:)`` throws.
  func dense(_ message: SparseTensorMessage) throws -> Tensor {
    guard let values = message.pointee.values, let indices = message.pointee.indices else {
      throw Self.error("is sparse and lacks its values or indices")
    }
    do {
      let shape = try Self.shape(numbers(message.pointee.dims, message.pointee.n_dims))
      return try SparseTensor(values: tensor(UnsafePointer(values)), indices: tensor(UnsafePointer(indices)), shape)
        .dense(atMost: model.byteCount + Limits.maxOnnxExpandedBytes)
    } catch let error as EVSSMError {
      throw error.at(.init(node: text(values.pointee.name)))
    }
  }
}

/// The data fields of a tensor's message that are not empty.
struct TensorData {
  enum Field { case raw, float, int32, int64, double, uint64, string }

  let message: Evssm__Onnx__Tensor
  let fields: [Field]

  init(_ message: Evssm__Onnx__Tensor) {
    self.message = message
    let counts: [(Field, Int)] = [
      (.float, message.n_float_data), (.int32, message.n_int32_data), (.int64, message.n_int64_data),
      (.double, message.n_double_data), (.uint64, message.n_uint64_data), (.string, message.n_string_data),
    ]
    fields = (message.has_raw_data != 0 ? [.raw] : []) + counts.filter { $0.1 > 0 }.map(\.0)
  }

  func tensor(_ dtype: DType, _ shape: [Int], owner: OnnxModel) throws -> Tensor {
    let count = try Checked.product(shape)
    guard fields.count <= 1 else { throw TensorDecoder.error("has data in two fields") }
    guard let field = fields.first else {
      guard count == 0 else { throw TensorDecoder.error("of shape \(shape) has no data") }
      return try Tensor(dtype: dtype, shape: shape) { _ in }
    }
    switch (field, dtype) {
    case (.raw, _) where dtype.bitCount < 8:
      return try Self.unpacked(
        UnsafeRawBufferPointer(start: message.raw_data.data, count: message.raw_data.len), dtype, shape)
    case (.int32, _) where dtype.bitCount < 8:
      return try numbers(message.int32_data, message.n_int32_data).map { UInt8(truncatingIfNeeded: $0) }
        .withUnsafeBytes { try Self.unpacked($0, dtype, shape) }
    case (.raw, _): return try view(message.raw_data.data, message.raw_data.len, dtype, shape, owner)
    case (.float, .float32): return try view(message.float_data, message.n_float_data * 4, dtype, shape, owner)
    case (.int64, .int64): return try view(message.int64_data, message.n_int64_data * 8, dtype, shape, owner)
    case (.double, .float64): return try view(message.double_data, message.n_double_data * 8, dtype, shape, owner)
    case (.uint64, .uint64): return try view(message.uint64_data, message.n_uint64_data * 8, dtype, shape, owner)
    case (.int32, .int32): return try view(message.int32_data, message.n_int32_data * 4, dtype, shape, owner)
    case (.uint64, .uint32):
      return try narrowed(numbers(message.uint64_data, message.n_uint64_data), to: UInt32.self, dtype, shape)
    case (.int32, .int8): return try narrowed32(to: Int8.self, dtype, shape)
    case (.int32, .int16): return try narrowed32(to: Int16.self, dtype, shape)
    case (.int32, .uint8): return try narrowed32(to: UInt8.self, dtype, shape)
    case (.int32, .uint16), (.int32, .float16), (.int32, .bfloat16):
      return try narrowed32(to: UInt16.self, dtype, shape)
    case (.int32, .float8e4m3fn), (.int32, .float8e4m3fnuz), (.int32, .float8e5m2), (.int32, .float8e5m2fnuz),
      (.int32, .float8e8m0):
      return try narrowed32(to: UInt8.self, dtype, shape)
    case (.int32, .bool): return try narrowed32(to: UInt8.self, dtype, shape, maximum: 1)
    default: throw TensorDecoder.error("of type \(dtype.rawValue) has its data in the field of another type")
    }
  }

  /// Elements of 2 or 4 bits, the first in the lowest bits of a byte, with a byte for each in memory.
  static func unpacked(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ shape: [Int]) throws -> Tensor {
    let count = try Checked.product(shape)
    let (width, perByte) = (dtype.bitCount, 8 / dtype.bitCount)
    guard count / perByte + (count % perByte == 0 ? 0 : 1) == bytes.count else {
      throw Self.mismatch(shape, bytes.count * perByte)
    }
    let isSigned = dtype == .int4 || dtype == .int2
    return try Tensor(dtype: dtype, shape: shape) { target in
      for i in 0..<count {
        let bits = (bytes[i / perByte] >> UInt8(i % perByte * width)) & UInt8((1 << width) - 1)
        target[i] = isSigned ? UInt8(bitPattern: Int8(bitPattern: bits << UInt8(8 - width)) >> Int8(8 - width)) : bits
      }
    }
  }

  private func narrowed32<Element: FixedWidthInteger & BitwiseCopyable>(
    to type: Element.Type, _ dtype: DType, _ shape: [Int], maximum: Element = .max
  ) throws -> Tensor {
    try narrowed(numbers(message.int32_data, message.n_int32_data), to: type, dtype, shape, maximum: maximum)
  }

  private func narrowed<Element: FixedWidthInteger & BitwiseCopyable>(
    _ values: UnsafeBufferPointer<some FixedWidthInteger>, to type: Element.Type, _ dtype: DType, _ shape: [Int],
    maximum: Element = .max
  ) throws -> Tensor {
    guard try values.count == Checked.product(shape) else { throw Self.mismatch(shape, values.count) }
    return try Tensor(dtype: dtype, shape: shape) { target in
      for (i, value) in values.enumerated() {
        guard let element = Element(exactly: value), element <= maximum else {
          throw TensorDecoder.error("holds \(value), which is no \(dtype.rawValue)")
        }
        target.storeBytes(of: element, toByteOffset: i * MemoryLayout<Element>.size, as: Element.self)
      }
    }
  }

  private func view(
    _ first: UnsafeRawPointer?, _ byteCount: Int, _ dtype: DType, _ shape: [Int], _ owner: OnnxModel
  ) throws -> Tensor {
    guard try Checked.multiply(Checked.product(shape), dtype.byteCount) == byteCount else {
      throw Self.mismatch(shape, byteCount / dtype.byteCount)
    }
    let storage = TensorStorage(borrowing: UnsafeRawBufferPointer(start: first, count: byteCount), owner: owner)
    return try Tensor(dtype: dtype, shape: shape, storage: storage)
  }

  private static func mismatch(_ shape: [Int], _ count: Int) -> EVSSMError {
    TensorDecoder.error("of shape \(shape) has data of another size: \(count) elements")
  }
}

/// Values at some places of a tensor, zeros at all others.
private struct SparseTensor {
  let values: Tensor
  let indices: Tensor
  let shape: [Int]

  init(values: Tensor, indices: Tensor, _ shape: [Int]) throws {
    guard values.shape.count == 1, indices.dtype == .int64, indices.shape.first == values.shape[0],
      indices.shape.count == 1 || indices.shape == [values.shape[0], shape.count]
    else {
      throw TensorDecoder.error("is sparse, and its values, indices and shape do not belong together")
    }
    self.values = values
    self.indices = indices
    self.shape = shape
  }

  /// Indices must ascend and lie inside.
  func dense(atMost limit: Int) throws -> Tensor {
    let size = values.dtype.byteCount
    let count = try Checked.product(shape)
    try Limits.check(
      Checked.multiply(count, size), atMost: limit, name: "max_onnx_expanded",
      "The size of a sparse tensor, written out, in bytes")
    let positions = try positions(count)
    return try Tensor(dtype: values.dtype, shape: shape) { target in
      values.withUnsafeBytes { source in
        for (i, position) in positions.enumerated() {
          for byte in 0..<size { target[position * size + byte] = source[i * size + byte] }
        }
      }
    }
  }

  private func positions(_ count: Int) throws -> [Int] {
    let numbers = indices.integers
    let perValue = indices.shape.count == 1 ? 1 : shape.count
    let sizes = indices.shape.count == 1 ? [count] : shape
    var positions: [Int] = []
    for i in 0..<values.shape[0] {
      var position = 0
      for axis in 0..<perValue {
        let index = numbers[i * perValue + axis]
        guard sizes.indices.contains(axis), index >= 0, index < sizes[axis] else {
          throw TensorDecoder.error("is sparse and has an index outside its shape")
        }
        position = position * sizes[axis] + index
      }
      guard position > positions.last ?? -1 else {
        throw TensorDecoder.error("is sparse and its indices do not ascend")
      }
      positions.append(position)
    }
    return positions
  }
}

extension Tensor {
  /// The elements of an int64 tensor.
  var integers: [Int] {
    withUnsafeBytes { bytes in
      (0..<elementCount).map { Int(bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
    }
  }
}
