import CPlanProto
import ProtobufWire
import Tensors

/// An operation on whole maps: what a step of a plan does. A type that conforms holds everything the plan knows about it;
/// ``PlanOperations`` lists the types.
///
/// Maps are upright; a frame says in which order and where an operation walks over them.
package protocol PlanOperation: Sendable, Hashable {
  /// The number of the operation's field in `Step` of schemas/plan.proto.
  static var field: UInt32 { get }

  /// What the operation does, in words, such as `scan stage, 48 channels, frame upright`.
  var label: String { get }

  /// What the operation needs of the plan around it. Throws on overflow of the sizes that its fields imply.
  func requirements() throws -> Requirements

  /// Throws `plan.number` when a field is out of its bounds. They are wide for any network of this kind, and tight enough
  /// that no product of them overflows.
  func checkNumbers() throws

  /// The one buffer that the operation may both read and write, because it is made for that; nil if there is none.
  var inPlaceBuffer: BufferID? { get }

  /// Whether the operation brings the picture into the plan, or its result out of it.
  var picture: PictureRole { get }

  /// Where a thread's private buffers for one tile of pixels lie. Throws on overflow.
  func tileLayout() throws -> TileLayout

  /// Floats of scratch memory that all threads share while the operation runs, for a map of the given size. Throws on
  /// overflow.
  func scratchFloats(height: Int, width: Int) throws -> Int

  /// Floats of scratch memory that each thread needs for itself, for a map of the given size. Throws on overflow.
  func threadScratchFloats(height: Int, width: Int) throws -> Int

  /// Multiply-adds of matrices and convolutions at the size of `bound`. Throws `size.overflow`.
  func multiplyAdds(in bound: BoundPlan) throws -> Int

  /// Writes the fields of the operation's message.
  func encode(_ writer: inout WireWriter)

  /// Reads the operation from the step's field ``field``, which is set. The result is well-formed, not yet valid.
  init(_ message: Evssm__Plan__Step) throws
}

/// What an operation has to do with the picture that a run restores.
package enum PictureRole: Sendable {
  case none
  /// Reads it. The first step of a plan does, and no other.
  case source
  /// Reads it once more, to add it, and writes the result. The last step of a plan does, and no other.
  case sink

  /// How often the picture, or the result, goes through memory.
  var transfers: Int {
    switch self {
    case .none: 0
    case .source: 1
    case .sink: 2
    }
  }
}

extension PlanOperation {
  package var inPlaceBuffer: BufferID? { nil }

  package var picture: PictureRole { .none }

  package func scratchFloats(height: Int, width: Int) throws -> Int { 0 }

  package func threadScratchFloats(height: Int, width: Int) throws -> Int { try tileLayout().total }

  /// Whether the operation is of the same type as `other`, and equal to it.
  func isEqual(to other: any PlanOperation) -> Bool { (other as? Self) == self }
}

extension PlanOperation {
  /// Whether the operation writes over a map that it reads.
  package var isInPlace: Bool {
    guard let inPlaceBuffer, let requirements = try? requirements() else { return false }
    return requirements.writes.contains { $0.buffer == inPlaceBuffer }
  }

  /// The map that the operation writes; nil for one that writes the picture.
  package var outputBuffer: BufferID? { (try? requirements())?.writes.first?.buffer }

  /// `, in place` after the label of an operation that writes over a map that it reads.
  var inPlaceLabel: String { isInPlace ? ", in place" : "" }
}
