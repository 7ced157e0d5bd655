import CPlanProto
import PrimitiveOperators
import Tensors

extension TensorGraph {
  init(_ message: Evssm__Plan__TensorGraph) throws {
    try Limits.check(message.n_inputs, atMost: Limits.maxPlanPorts, name: "max_plan_ports", "The count of inputs")
    try Limits.check(
      message.n_output_names, atMost: Limits.maxPlanPorts, name: "max_plan_ports", "The count of outputs")
    self.init(
      inputs: try elements(message.inputs, message.n_inputs).map { try TensorPort($0) },
      outputNames: texts(message.output_names, message.n_output_names),
      program: try TensorProgram(required(message.program).pointee))
  }
}

/// The elements of a repeated number.
private func numbers<Number: BinaryInteger>(_ pointer: UnsafeMutablePointer<Number>?, _ count: Int) throws -> [Int] {
  try UnsafeBufferPointer(start: pointer, count: pointer == nil ? 0 : count).map { value in
    guard let number = Int(exactly: value) else {
      throw EVSSMError("plan.number", "A number in the plan is too large.")
    }
    return number
  }
}

private func texts(_ pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
  UnsafeBufferPointer(start: pointer, count: pointer == nil ? 0 : count).map { text($0) }
}

/// Sizes that are not negative and whose product with the width of any element is a number.
private func shape(_ pointer: UnsafeMutablePointer<UInt64>?, _ count: Int) throws -> [Int] {
  let sizes = try numbers(pointer, count)
  try Limits.check(sizes.count, atMost: Limits.maxPrimitiveRank, name: "max_rank", "The number of axes")
  for size in sizes { try Limits.check(size, atMost: Limits.maxDimension, name: "max_dimension", "A size") }
  return sizes
}

extension TensorPort {
  fileprivate init(_ message: Evssm__Plan__TensorPort) throws {
    try Limits.check(message.n_shape, atMost: Limits.maxPrimitiveRank, name: "max_rank", "The number of axes")
    self.init(
      name: text(message.name), dtype: try DType(planCode: Int(message.element_type.rawValue)),
      shape: try elements(message.shape, message.n_shape).map { size in
        let symbol = text(size.symbol)
        guard symbol.isEmpty else { return .symbol(symbol) }
        let number = try Checked.int(size.size)
        try Limits.check(number, atMost: Limits.maxDimension, name: "max_dimension", "A size")
        return .constant(number)
      })
  }
}

extension TensorProgram {
  fileprivate init(_ message: Evssm__Plan__TensorProgram) throws {
    self.init(
      valueCount: Int(message.value_count), inputs: try numbers(message.inputs, message.n_inputs),
      outputs: try numbers(message.outputs, message.n_outputs),
      constants: try elements(message.constants, message.n_constants).map { constant in
        Constant(
          value: Int(constant.value), dtype: try DType(planCode: Int(constant.element_type.rawValue)),
          shape: try shape(constant.shape, constant.n_shape), constant: ConstantID(constant.constant))
      },
      nodes: try elements(message.nodes, message.n_nodes).map { try Node($0) })
  }
}

extension TensorProgram.Node {
  fileprivate init(_ message: Evssm__Plan__TensorNode) throws {
    var attributes: [String: AttributeValue] = [:]
    for attribute in try elements(message.attributes, message.n_attributes) {
      guard attributes.updateValue(try AttributeValue(attribute), forKey: text(attribute.name)) == nil else {
        throw EVSSMError("plan.attribute", "An attribute is given twice.", place: .init(node: text(message.name)))
      }
    }
    let call = PrimitiveCall(
      text(message.type), opset: Int(message.opset), attributes: attributes,
      inputs: try numbers(message.has_input, message.n_has_input).map { $0 != 0 },
      outputs: try numbers(message.has_output, message.n_has_output).map { $0 != 0 })
    self.init(
      name: text(message.name), call: call, inputs: try numbers(message.inputs, message.n_inputs),
      outputs: try numbers(message.outputs, message.n_outputs),
      bodies: try elements(message.bodies, message.n_bodies).map { try TensorProgram($0) },
      captureCount: Int(message.capture_count))
  }
}

extension AttributeValue {
  fileprivate init(_ message: Evssm__Plan__TensorAttribute) throws {
    let integers = try numbers(message.integers, message.n_integers)
    let reals = Array(UnsafeBufferPointer(start: message.reals, count: message.reals == nil ? 0 : message.n_reals))
    let strings = texts(message.strings, message.n_strings)
    func one<Value>(_ values: [Value]) throws -> Value {
      guard values.count == 1 else {
        throw EVSSMError("plan.attribute", "An attribute has \(values.count) values, not one.")
      }
      return values[0]
    }
    switch message.kind {
    case 1: self = .int(try one(integers))
    case 2: self = .float(try one(reals))
    case 3: self = .string(try one(strings))
    case 4: self = .ints(integers)
    case 5: self = .floats(reals)
    case 6: self = .strings(strings)
    case 7:
      let sizes = try shape(message.shape, message.n_shape)
      let dtype = try DType(planCode: Int(message.element_type.rawValue))
      let bytes = UnsafeRawBufferPointer(start: message.data.data, count: message.data.len)
      self = .tensor(AttributeTensor(try Tensor(dtype: dtype, shape: sizes, copying: bytes)))
    default: throw EVSSMError("plan.attribute", "An attribute is of kind \(message.kind), which does not exist.")
    }
  }
}

extension Tensor {
  /// A copy of bytes that must fill the shape exactly.
  init(dtype: DType, shape: [Int], copying bytes: UnsafeRawBufferPointer) throws {
    guard try Checked.multiply(Checked.product(shape), dtype.byteCount) == bytes.count else {
      throw EVSSMError("plan.attribute", "\(bytes.count) bytes do not fill a tensor of shape \(shape).")
    }
    try self.init(dtype: dtype, shape: shape) { $0.copyMemory(from: bytes) }
  }
}
