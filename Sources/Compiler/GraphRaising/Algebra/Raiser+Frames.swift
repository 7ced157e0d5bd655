import GraphIR
import Tensors

// Optimisers move transposes about. Here the frames come to stand where the network has them: in front of norms, and behind
// sums whose operands are known in the frame.

extension Raiser {
  /// Steps that a frame is moved over; a product of two maps counts as several. A norm in pieces has about eight.
  private static let mostTurned = 24
  private static let productSteps = 6

  /// A map in another frame. Frames in a row are one; a norm, and the steps to one, are those of the map in the frame.
  ///
  /// - Parameter steps: how many a frame may still be moved over.
  mutating func turned(_ map: ValueID, _ frame: Frame, steps: Int = mostTurned) throws -> ValueID {
    guard frame != .upright, steps > 0, let made = producer(map) else { return try changed(map, frame) }
    let x = made.inputs.first
    switch made.op {
    case let inner as ChangeFrame:
      return try turned(made.inputs[0], inner.frame.composed(with: frame), steps: steps - 1)
    case is RMSNorm:
      return try addOne(made.op, [turned(made.inputs[0], frame, steps: steps - 1)] + made.inputs.dropFirst())
    case let binary as ElementwiseBinary where binary.function == .multiply && made.inputs.allSatisfy { $0 == x }:
      let root = try turned(made.inputs[0], frame, steps: steps - 1)
      return try product(root, root)
    case let raised as RaisedOperator:
      return try turned(map, raised, made.inputs, frame, steps - 1) ?? changed(map, frame)
    default: return try changed(map, frame)
    }
  }

  private mutating func changed(_ map: ValueID, _ frame: Frame) throws -> ValueID {
    frame == .upright ? map : try addOne(ChangeFrame(frame), [map])
  }

  /// The steps to norms and activations are per pixel.
  private mutating func turned(
    _ map: ValueID, _ step: RaisedOperator, _ inputs: [ValueID], _ frame: Frame, _ steps: Int
  ) throws -> ValueID? {
    switch step.kind {
    case .affine:
      let (base, change) = affineParts(map)
      return base == map ? nil : try affine(turned(base, frame, steps: steps), change)
    case .unary, .sumChannels, .centre: return try addOne(step, [turned(inputs[0], frame, steps: steps)])
    case .binary("Mul") where inputs.allSatisfy { edit[$0].constant == nil }:
      let rest = steps - Self.productSteps
      return try product(turned(inputs[0], frame, steps: rest), turned(inputs[1], frame, steps: rest))
    default: return nil
    }
  }

  /// a + frame(b) as frame(frame(a) + b), where frame(a) was known before b: b is what became of it.
  mutating func sumInFrame(_ a: ValueID, _ b: ValueID) throws -> ValueID? {
    guard let made = producer(b), let change = made.op as? ChangeFrame, let known = known(a, in: change.frame),
      known < made.inputs[0]
    else { return nil }
    return try turned(sum(known, made.inputs[0]), change.frame)
  }

  private func known(_ map: ValueID, in frame: Frame) -> ValueID? {
    if let made = producer(map), let change = made.op as? ChangeFrame, change.frame == frame { return made.inputs[0] }
    return existing(ChangeFrame(frame), [map])?.first
  }
}
