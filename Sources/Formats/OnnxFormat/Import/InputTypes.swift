import COnnxProto
import Tensors

/// The types that a file states.
enum StatedType {
  /// The element type and sizes; nil sizes where the number of axes is not stated, nil where nothing is.
  ///
  /// Throws `onnx.type` for sequences, maps, optional and sparse values.
  static func read(_ info: ValueInfoMessage) throws -> (dtype: DType, sizes: [Size]?)? {
    guard let type = info.pointee.type else { return nil }
    guard let tensor = type.pointee.tensor_type else {
      throw EVSSMError("onnx.type", "The value is no tensor. Sequences, maps and optional values are not supported.")
    }
    guard tensor.pointee.has_elem_type != 0, tensor.pointee.elem_type != 0 else { return nil }
    let dtype = try ElementType.dtype(tensor.pointee.elem_type)
    guard let shape = tensor.pointee.shape else { return (dtype, nil) }
    try Limits.check(
      shape.pointee.n_dim, atMost: Limits.maxOnnxRank, name: "max_onnx_rank", "The number of axes of a value")
    return (dtype, try messages(shape.pointee.dim, shape.pointee.n_dim).map(size))
  }

  enum Size: Equatable {
    case known(Int)
    case named(String)
    case unknown
  }

  private static func size(_ dim: UnsafePointer<Evssm__Onnx__Shape__Size>) throws -> Size {
    let name = text(dim.pointee.dim_param)
    guard dim.pointee.has_dim_value != 0 else { return name.isEmpty ? .unknown : .named(name) }
    guard name.isEmpty, dim.pointee.dim_value >= 0 else {
      throw EVSSMError("onnx.type", "A size is negative, or a number and a name at once.")
    }
    try Limits.check(Int(dim.pointee.dim_value), atMost: Limits.maxDimension, name: "max_dimension", "A size")
    return .known(Int(dim.pointee.dim_value))
  }
}

/// Names the sizes of a graph's inputs.
struct InputTypes {
  private var symbols: [String: String] = [:]
  private var taken: Set<String> = []

  /// The type of an input that is one picture, (1, 3, H, W): its only batch is 1 and its symbolic sizes are H and W.
  /// nil if it is none.
  static func picture(_ dtype: DType, _ sizes: [StatedType.Size]) -> ValueType? {
    guard dtype == .float32, sizes.count == 4, sizes[1] == .known(3) else { return nil }
    if case .known(let batch) = sizes[0], batch != 1 { return nil }
    // Equal names mean equal sizes, which H and W would not say.
    if sizes[2] != .unknown, sizes[2] == sizes[3], case .named = sizes[2] { return nil }
    func size(_ stated: StatedType.Size, _ symbol: String) -> Dimension {
      if case .known(let size) = stated { return Dimension(size) }
      return Dimension(symbol: symbol)
    }
    return ValueType(dtype, [1, 3, size(sizes[2], "H"), size(sizes[3], "W")])
  }

  /// The type of an input: a symbol for each name, and one for each size that has neither name nor value.
  mutating func type(_ dtype: DType, _ sizes: [StatedType.Size], input: String) -> ValueType {
    ValueType(
      dtype,
      sizes.enumerated().map { axis, size in
        switch size {
        case .known(let size): Dimension(size)
        case .named(let name): Dimension(symbol: symbol(name))
        case .unknown: Dimension(symbol: symbol("\(input)_\(axis)"))
        }
      })
  }

  /// An identifier for a name, its own as far as possible.
  private mutating func symbol(_ name: String) -> String {
    if let known = symbols[name] { return known }
    let isPlain = { (c: Character) in c.isASCII && (c.isLetter || c.isNumber || c == "_") }
    var identifier = String(name.prefix(64).map { isPlain($0) ? $0 : "_" })
    if identifier.first?.isNumber != false { identifier = "n" + identifier }
    while !taken.insert(identifier).inserted { identifier += "_" }
    symbols[name] = identifier
    return identifier
  }
}
