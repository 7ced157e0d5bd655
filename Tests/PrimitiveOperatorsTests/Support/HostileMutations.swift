@testable import PrimitiveOperators
import Tensors

/// Hostile applications of an operator, made from a valid one by one change each.
struct HostileMutations {
  let sample: OperatorSample

  struct Case {
    var label: String
    var sample: OperatorSample
  }

  static let numbers = [
    0, 1, -1, 2, 3, -3, 16, 17, 1 << 15, 1 << 24, 1 << 31, 1 << 40, 1 << 62, Int.max, Int.min, Int.min + 1,
  ]
  static let reals: [Double] = [0, -0.0, -1, 0.5, 1e-38, 1e30, -1e30, .infinity, -.infinity, .nan, 1e308]
  static let texts = [
    "", "x", "max", "reflect", "linear", "nearest", "SAME_UPPER", "VALID", "LEFT", "->", "i,i->", "...,->...",
    "iiii,ij", String(repeating: "a", count: 5000),
  ]

  /// Every kind of value that an attribute can have.
  static let values: [AttributeValue] =
    numbers.map { .int($0) } + reals.map { .float(Float($0)) } + texts.map { .string($0) }
    + [0, 1, 2, 3, 4, 8, 17].flatMap { count in
      [0, 1, -1, 2, 1 << 15, 1 << 24, 1 << 40, 1 << 62, Int.max, Int.min].map {
        .ints(Array(repeating: $0, count: count))
      }
    }
    + [
      .ints([1 << 12, 1 << 12]), .ints([1, 0]), .ints([0, 1]), .ints([-1, -2]), .ints([1 << 23, 1]),
      .ints([2, 1, 1, 2]),
    ]
    + reals.map { .floats([Float($0), Float($0), Float($0), Float($0)]) } + [
      .floats([]), .strings([]), .strings(["Relu", "x", "Tanh"]),
    ]
    + tensors.map { .tensor($0) }

  private static var tensors: [AttributeTensor] {
    let made = [
      try? floats([], [.nan]), try? ints([0], []), try? ints([1], [.min]), try? ramp(2, 2),
      try? ints([], [1]).cast(to: .bool),
    ]
    return made.compactMap { $0.map(AttributeTensor.init) }
  }

  func cases() -> [Case] { attributes() + operands() + shapes() + types() + contents() + outputs() }

  private func changed(_ what: String, _ change: (inout OperatorSample) throws -> Void) -> [Case] {
    var sample = sample
    guard (try? change(&sample)) != nil else { return [] }
    return [Case(label: "\(sample.call.type) \(what)", sample: sample)]
  }

  /// Attributes of every value and kind, also those that the sample does not have; and without each that it has.
  private func attributes() -> [Case] {
    let names = Set(PrimitiveRegistry.attributeNames(of: sample.call)).union(sample.call.attributes.keys).sorted()
    return names.flatMap { name in
      changed("without \(name)") { $0.call.attributes[name] = nil }
        + Self.values.flatMap { value in changed("\(name) \(value)") { $0.call.attributes[name] = value } }
    }
  }

  /// Operands left out, in another's place, too many.
  private func operands() -> [Case] {
    let all = sample.operands
    return all.indices.flatMap { index in
      changed("without input \(index)") { $0.replace(index, nil) }
        + changed("only \(index) inputs") { $0.keep(index) }
        + all.indices.flatMap { other in changed("input \(other) as \(index)") { $0.replace(index, all[other]) } }
    } + changed("one input more") { $0.append(try ints(1)) }
      + changed("100 inputs more") {
        for _ in 0..<100 { $0.append(all.first ?? nil) }
      }
  }

  /// Every axis of every operand of other sizes, more and fewer axes.
  private func shapes() -> [Case] {
    sample.operands.indices.flatMap { index -> [Case] in
      guard let operand = sample.operands[index] else { return [] }
      var all: [[Int]] = [
        [], [0], [1], [5], [0, 0], Array(repeating: 1, count: 16), Array(repeating: 1, count: 17), [1 << 12],
      ]
      for axis in operand.shape.indices {
        for size in [0, 1, 2, 3, 5, 17, 4096] {
          var shape = operand.shape
          shape[axis] = size
          all.append(shape)
        }
      }
      all.append([1] + operand.shape)
      all.append(operand.shape + [1])
      all.append(operand.shape + [0])
      if !operand.shape.isEmpty { all.append(Array(operand.shape.dropLast())) }
      return all.flatMap { shape in
        changed("input \(index) of shape \(shape)") { $0.replace(index, try operand.refilled(shape)) }
      }
    }
  }

  /// Every operand of every element type; all of them at once.
  private func types() -> [Case] {
    (DType.allCases + DType.narrowCases).flatMap { dtype in
      changed("all inputs \(dtype)") { sample in
        for index in sample.operands.indices { sample.replace(index, try sample.operands[index]?.cast(to: dtype)) }
      }
        + sample.operands.indices.flatMap { index in
          changed("input \(index) \(dtype)") { $0.replace(index, try $0.operands[index]?.cast(to: dtype)) }
        }
    }
  }

  /// Every operand full of a hostile number, and with one as its first and last element.
  private func contents() -> [Case] {
    sample.operands.indices.flatMap { index -> [Case] in
      guard let operand = sample.operands[index] else { return [] }
      let count = operand.elementCount
      guard count > 0 else { return [] }
      if operand.dtype.isFloatingPoint {
        return Self.reals.flatMap { value in
          [0..<count, 0..<1, count - 1..<count].flatMap { places in
            changed("input \(index) with \(value) at \(places)") {
              var values = operand.doubles()
              for place in places { values[place] = value }
              $0.replace(index, try Tensor(dtype: operand.dtype, shape: operand.shape, reals: values))
            }
          }
        }
      }
      return Self.numbers.flatMap { value in
        [0..<count, 0..<1, count - 1..<count].flatMap { places in
          changed("input \(index) with \(value) at \(places)") {
            var values = operand.integers()
            for place in places { values[place] = Int64(value) }
            $0.replace(index, try Tensor(dtype: operand.dtype, shape: operand.shape, integers: values))
          }
        }
      }
    }
  }

  private func outputs() -> [Case] {
    [0, 1, 2, 3, 5, 100, Limits.maxPrimitiveOutputs + 1].flatMap { count in
      changed("\(count) outputs") { $0.call.outputs = Array(repeating: true, count: count) }
    } + changed("first output left out") { $0.call.outputs = [false, true] }
      + [1, 9, 12, 13, 17].flatMap { opset in changed("opset \(opset)") { $0.call.opset = opset } }
  }
}

extension OperatorSample {
  fileprivate mutating func replace(_ index: Int, _ operand: Tensor?) {
    operands[index] = operand
    call.inputs[index] = operand != nil
  }

  fileprivate mutating func keep(_ count: Int) {
    operands = Array(operands.prefix(count))
    call.inputs = Array(call.inputs.prefix(count))
  }

  fileprivate mutating func append(_ operand: Tensor?) {
    operands.append(operand)
    call.inputs.append(operand != nil)
  }
}

extension Tensor {
  /// The elements again and again in another shape.
  fileprivate func refilled(_ shape: [Int]) throws -> Tensor {
    let size = dtype.byteCount
    let count = elementCount
    return try Tensor(dtype: dtype, shape: shape) { out in
      withUnsafeBytes { bytes in
        guard count > 0 else { return }
        for i in 0..<out.count { out[i] = bytes[i % (count * size)] }
      }
    }
  }
}
