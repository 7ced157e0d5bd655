import ExecutionPlan
import PrimitiveOperators
import Tensors

/// Where the values of a bound program are: constants in the weights, values of known size in the arena, all others in
/// tensors that the run makes.
final class TensorMemory: @unchecked Sendable {
  // Unchecked: who may write what is decided by the program's steps and their barriers.
  private let arena: Arena
  private let places: [Place]
  private var made: [Tensor?]
  /// The first error of the run; the steps behind it do nothing.
  private(set) var error: EVSSMError?
  /// The step that worker 0 is in, and the one in which the run failed. Written by worker 0.
  var step = 0
  private(set) var failedStep = Int.max
  private let inputs: [Int]
  let arenaByteCount: Int

  /// Where a value is.
  enum Place {
    case none
    case constant(Tensor)
    /// Another value's bytes, under another shape.
    case arena(offset: Int, dtype: DType, shape: [Int])
    case made
  }

  init(_ schedule: ProgramSchedule) throws {
    let placement = try MemoryPlanner.place(schedule.regions)
    try MemoryPlanChecker.check(schedule.regions, placement)
    try Limits.check(
      placement.byteCount, atMost: Limits.maxValuesBytes, name: "max_values_bytes",
      "The memory for the values, in bytes,")
    arena = try Arena(byteCount: placement.byteCount)
    arenaByteCount = placement.byteCount
    places = schedule.values.map { value in
      switch value {
      case .none: .none
      case .constant(let tensor): .constant(tensor)
      case .region(let region, let dtype, let shape):
        .arena(offset: placement.offsets[region], dtype: dtype, shape: shape)
      case .made: .made
      }
    }
    made = Array(repeating: nil, count: places.count)
    inputs = schedule.inputs
  }

  /// Takes over the inputs of a run.
  func begin(_ tensors: [Tensor]) {
    (error, failedStep, step) = (nil, Int.max, 0)
    for (value, tensor) in zip(inputs, tensors) {
      do throws(EVSSMError) { try store(tensor, as: value) } catch let failure { (error, failedStep) = (failure, -1) }
    }
  }

  /// Records an error of the step that worker 0 is in.
  func fail(_ failure: EVSSMError) { if error == nil { (error, failedStep) = (failure, step) } }

  /// Lets go of what the run made.
  func end() { for i in made.indices { made[i] = nil } }

  /// The value as a tensor, valid until the run ends or the value's memory is used again.
  func tensor(_ value: Int) throws -> Tensor {
    switch places[value] {
    case .constant(let tensor): return tensor
    case .arena(let offset, let dtype, let shape):
      let bytes = UnsafeRawBufferPointer(start: arena.base + offset, count: arena.byteCount - offset)
      return try Tensor(dtype: dtype, shape: shape, storage: TensorStorage(borrowing: bytes, owner: arena))
    case .made, .none:
      guard let tensor = made[value] else {
        throw EVSSMError("runtime.order", "Value \(value) is used before it is made.", category: .internal)
      }
      return tensor
    }
  }

  /// A copy of an output, which outlives the run.
  func output(_ value: Int) throws -> Tensor {
    let tensor = try tensor(value)
    guard case .arena = places[value] else { return tensor }
    return try Tensor(dtype: tensor.dtype, shape: tensor.shape) { target in
      tensor.withUnsafeBytes { target.copyMemory(from: $0) }
    }
  }

  /// Puts a result where the value belongs.
  func store(_ tensor: Tensor, as value: Int) throws(EVSSMError) {
    switch places[value] {
    case .none, .constant: break
    case .made: made[value] = tensor
    case .arena(let offset, let dtype, let shape):
      guard tensor.dtype == dtype, tensor.shape == shape else {
        throw EVSSMError(
          "runtime.shape", "A step gave \(ValueType(of: tensor)), its type is \(dtype.rawValue)\(shape).",
          category: .internal)
      }
      tensor.withUnsafeBytes {
        if let base = $0.baseAddress { (arena.base + offset).copyMemory(from: base, byteCount: $0.count) }
      }
    }
  }

  func forget(_ value: Int) { made[value] = nil }

  /// The bytes of a value that is a constant or in the arena; they do not move.
  func bytes(_ value: Int) -> UnsafeRawPointer? {
    switch places[value] {
    case .constant(let tensor): tensor.withUnsafeBytes { $0.baseAddress }
    case .arena(let offset, _, _): UnsafeRawPointer(arena.base + offset)
    case .made, .none: nil
    }
  }

  /// The place in the arena of a value.
  func target(_ value: Int) -> UnsafeRawPointer? {
    guard case .arena(let offset, _, _) = places[value] else { return nil }
    return UnsafeRawPointer(arena.base + offset)
  }

  /// The arena's memory behind a region of the schedule.
  func floats(_ value: Int) -> Floats? {
    guard case .arena(let offset, .float32, _) = places[value] else { return nil }
    return arena.floats(at: offset)
  }

  /// The float32 elements of a value.
  func constFloats(_ value: Int) -> ConstFloats? { bytes(value)?.assumingMemoryBound(to: Float.self) }
}
