import GraphIR
import Tensors

extension Split: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    emitter.add(
      "Split", [place.operands[0].name, try emitter.ints(sizes)], [("axis", .int(1))], name: place.name,
      results: sizes.indices.map { "\(place.name).part\($0)" })
  }
}

extension ChangeFrame: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    var x = place.operands[0].name
    if frame.transposed {
      let name = frame.halfTurned ? place.name + ".transposed" : place.name
      x = emitter.add("Transpose", [x], [("perm", .ints([0, 1, 3, 2]))], name: name)
    }
    if frame.halfTurned {
      let last = try emitter.ints([-1, -1])
      let bounds = [last, try emitter.ints([Int.min, Int.min]), try emitter.ints([2, 3]), last]
      x = emitter.add("Slice", [x] + bounds, name: place.name)
    }
    if frame == .upright { x = emitter.add("Identity", [x], name: place.name) }
    return [x]
  }
}

extension ReflectPad: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let shape = place.operands[0].type.shape
    let rows = try pad(try emitter.size(shape[2]), place.name + ".rows", &emitter)
    let columns = try pad(try emitter.size(shape[3]), place.name + ".columns", &emitter)
    let zero = OnnxSize.known(0)
    let amounts = growing == .end ? [zero, zero, rows, columns] : [rows, columns, zero, zero]
    if amounts.allSatisfy({ $0 == zero }) { return [place.operands[0].name] }
    let all = [zero, zero] + amounts[..<2] + [zero, zero] + amounts[2...]
    let pads = try emitter.vector(all, name: place.name + ".pads")
    return [emitter.add("Pad", [place.operands[0].name, pads], [("mode", .string("reflect"))], name: place.name)]
  }

  /// ⌈size / multiple⌉ · multiple − size.
  private func pad(_ size: OnnxSize, _ name: String, _ emitter: inout OnnxEmitter) throws -> OnnxSize {
    let raised = try emitter.arithmetic("Add", size, .known(multiple - 1), name: name + ".raised") { $0 + $1 }
    let units = try emitter.arithmetic("Div", raised, .known(multiple), name: name + ".units") { $0 / $1 }
    let whole = try emitter.arithmetic("Mul", units, .known(multiple), name: name + ".whole") { $0 * $1 }
    return try emitter.arithmetic("Sub", whole, size, name: name) { $0 - $1 }
  }
}

extension Crop: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let shape = place.operands[0].type.shape
    let from = (try emitter.size(shape[2]), try emitter.size(shape[3]))
    let to = (try emitter.size(height), try emitter.size(width))
    if from == to { return [place.operands[0].name] }
    let starts: String
    let ends: String
    if keeping == .start {
      starts = try emitter.ints([0, 0])
      ends = try emitter.vector([to.0, to.1], name: place.name + ".size")
    } else {
      let top = try emitter.arithmetic("Sub", from.0, to.0, name: place.name + ".top") { $0 - $1 }
      let left = try emitter.arithmetic("Sub", from.1, to.1, name: place.name + ".left") { $0 - $1 }
      starts = try emitter.vector([top, left], name: place.name + ".corner")
      ends = try emitter.ints([Int.max, Int.max])
    }
    return [
      emitter.add("Slice", [place.operands[0].name, starts, ends, try emitter.ints([2, 3])], name: place.name)
    ]
  }
}

extension BilinearResample: OnnxEmittable {
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    let scale: Float = factor == .half ? 0.5 : 2
    let scales = emitter.addInitializer(
      "scales.\(factor.rawValue)", try Tensor(shape: [4], floats: [1, 1, scale, scale]))
    let attributes: [(name: String, value: OnnxAttribute)] = [
      ("coordinate_transformation_mode", .string("half_pixel")), ("mode", .string("linear")),
    ]
    return [emitter.add("Resize", [place.operands[0].name, "", scales], attributes, name: place.name)]
  }
}
