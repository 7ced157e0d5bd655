import Glibc
import Tensors

extension Limits {
  /// Bytes of one value that an operator makes, eight an element: 8 GiB, or a sixteenth of the memory that this process may
  /// have where that is less. An evaluation holds a few such values at a time.
  package static let maxValueBytes = min(8 << 30, processMemory() / 16)

  /// Bytes of all values that a graph holds at once: 64 GiB, or half of the memory that this process may have.
  package static let maxValuesBytes = min(64 << 30, processMemory() / 2)

  /// Bytes of memory that this process may have: the machine's, or the limit on its addresses or data (`ulimit -v`, `-d`).
  private static func processMemory() -> Int {
    let physical = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    return [RLIMIT_AS, RLIMIT_DATA].reduce(max(physical, 1 << 20)) { least, resource in
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, let bytes = Int(exactly: limit.rlim_cur)
      else { return least }
      return min(least, max(bytes, 1 << 20))
    }
  }
}

extension Tensor {
  /// The elements as 64-bit integers: floating-point numbers cut off towards zero and held to the range (a NaN is 0),
  /// unsigned 64-bit integers by their bits.
  ///
  /// - Complexity: O(elements), one allocation.
  package func integers() -> [Int64] {
    let count = elementCount
    return withUnsafeBytes { bytes in
      func all<Element: BitwiseCopyable>(_: Element.Type, _ convert: (Element) -> Int64) -> [Int64] {
        [Int64](unsafeUninitializedCapacity: count) { out, initialized in
          for i in 0..<count {
            out.initializeElement(
              at: i, to: convert(bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Element>.size, as: Element.self)))
          }
          initialized = count
        }
      }
      return switch dtype {
      case .int8, .int4, .int2: all(Int8.self) { Int64($0) }
      case .int16: all(Int16.self) { Int64($0) }
      case .int32: all(Int32.self) { Int64($0) }
      case .int64: all(Int64.self) { $0 }
      case .uint8, .uint4, .uint2: all(UInt8.self) { Int64($0) }
      case .uint16: all(UInt16.self) { Int64($0) }
      case .uint32: all(UInt32.self) { Int64($0) }
      case .uint64: all(UInt64.self) { Int64(bitPattern: $0) }
      case .bool: all(UInt8.self) { $0 == 0 ? 0 : 1 }
      default: doubles().map { $0.saturatedInteger }
      }
    }
  }

  /// A tensor of the given numbers, rounded to nearest even (integer types: cut off, then the lowest bits).
  package init(
    dtype: DType, shape: [Int], reals: [Double], saturates: Bool = true, rounding: NarrowFloat.Rounding = .up
  ) throws {
    guard dtype.isFloatingPoint else {
      try self.init(
        dtype: dtype, shape: shape, integers: reals.map { dtype == .bool ? ($0 != 0 ? 1 : 0) : $0.saturatedInteger })
      return
    }
    try Self.checkCount(shape, reals.count)
    try self.init(checked: dtype, shape: shape) { out in
      switch dtype {
      case .float64: reals.withUnsafeBytes { out.copyMemory(from: $0) }
      case .float32: Self.fill(out, reals) { Float($0) }
      case .float16: Self.fill(out, reals) { HalfPrecision.binary16($0) }
      case .bfloat16: Self.fill(out, reals) { HalfPrecision.bfloat16($0) }
      default:
        let format = NarrowFloat(dtype)
        Self.fill(out, reals) { format?.bits($0, saturates: saturates, rounding: rounding) ?? 0 }
      }
    }
  }

  /// A tensor of the given numbers: the lowest bits for a narrower type, "is not zero" for bool.
  package init(dtype: DType, shape: [Int], integers: [Int64]) throws {
    try Self.checkCount(shape, integers.count)
    try self.init(checked: dtype, shape: shape) { out in
      switch dtype {
      case .int8, .uint8: Self.fill(out, integers) { UInt8(truncatingIfNeeded: $0) }
      case .int16, .uint16: Self.fill(out, integers) { UInt16(truncatingIfNeeded: $0) }
      case .int32, .uint32: Self.fill(out, integers) { UInt32(truncatingIfNeeded: $0) }
      case .int64, .uint64: integers.withUnsafeBytes { out.copyMemory(from: $0) }
      case .bool: Self.fill(out, integers) { UInt8($0 == 0 ? 0 : 1) }
      case .float64: Self.fill(out, integers) { Double($0) }
      case .float32: Self.fill(out, integers) { Float($0) }
      case .float16: Self.fill(out, integers) { HalfPrecision.binary16(Double($0)) }
      case .bfloat16: Self.fill(out, integers) { HalfPrecision.bfloat16(Double($0)) }
      case .int4: Self.fill(out, integers) { Int8(truncatingIfNeeded: ($0 << 60) >> 60) }
      case .uint4: Self.fill(out, integers) { UInt8(truncatingIfNeeded: $0 & 15) }
      case .int2: Self.fill(out, integers) { Int8(truncatingIfNeeded: ($0 << 62) >> 62) }
      case .uint2: Self.fill(out, integers) { UInt8(truncatingIfNeeded: $0 & 3) }
      default:
        let format = NarrowFloat(dtype)
        Self.fill(out, integers) { format?.bits(Double($0)) ?? 0 }
      }
    }
  }

  /// A tensor of zeros whose bytes `initialize` fills, not larger than ``Limits/maxValueBytes``.
  init(checked dtype: DType, shape: [Int], initialize: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    try Self.checkSize(dtype, shape)
    try self.init(dtype: dtype, shape: shape, initialize: initialize)
  }

  /// Throws `limit.exceeded` when a tensor of this shape is too large to be made.
  static func checkSize(_ dtype: DType, _ shape: [Int]) throws {
    guard shape.allSatisfy({ $0 >= 0 }) else { throw valueError("A result would have the shape \(shape)") }
    let bytes = try Checked.multiply(Checked.product(shape), max(dtype.byteCount, 8), "The size of a result")
    try Limits.check(bytes, atMost: Limits.maxValueBytes, name: "max_value_bytes", "The size of a result in bytes")
  }

  private static func checkCount(_ shape: [Int], _ count: Int) throws {
    guard try Checked.product(shape) == count else {
      throw EVSSMError("tensor.count", "\(count) values do not fill a tensor of shape \(shape).", category: .internal)
    }
  }

  private static func fill<Value, Element: BitwiseCopyable>(
    _ out: UnsafeMutableRawBufferPointer, _ values: [Value], _ convert: (Value) -> Element
  ) {
    let target = out.bindMemory(to: Element.self)
    for i in values.indices { target[i] = convert(values[i]) }
  }
}

extension Double {
  /// The number cut off towards zero and held to the range of 64-bit integers; 0 for a NaN.
  var saturatedInteger: Int64 {
    if isNaN { return 0 }
    if self >= 0x1p63 { return Int64.max }
    if self <= -0x1p63 { return Int64.min }
    return Int64(self)
  }
}

extension DType {
  var isUnsigned: Bool {
    self == .uint8 || self == .uint16 || self == .uint32 || self == .uint64 || self == .uint4 || self == .uint2
  }
  /// An integer type; bool is none.
  var isInteger: Bool { !isFloatingPoint && self != .bool }

  /// The range of an integer type, as real numbers.
  var realRange: ClosedRange<Double> {
    switch self {
    case .int8: -128...127
    case .int4: -8...7
    case .uint4: 0...15
    case .int2: -2...1
    case .uint2: 0...3
    case .uint8: 0...255
    case .int16: -32768...32767
    case .uint16: 0...65535
    case .int32: -0x1p31...(0x1p31 - 1)
    case .uint32: 0...(0x1p32 - 1)
    case .int64: -0x1p63...0x1p63
    case .uint64: 0...0x1p64
    default: -Double.infinity...Double.infinity
    }
  }
}
