import GraphIR
import Tensors

/// What a primitive does to maps where there is no operator of EVSSM for it yet: the steps between a primitive graph and
/// a raised one. Either all of them disappear into EVSSM's operators, or the graph stays as it was.
package struct RaisedOperator: Operator {
  package enum Kind: Hashable, Sendable {
    /// x · scale + shift; both are constants, a scalar or one number a channel.
    case affine
    /// A function of each element, by ONNX's name.
    case unary(String)
    /// A function of two maps, one of which may have one channel, by ONNX's name.
    case binary(String)
    /// Whether x is greater than a number.
    case exceeds(Double)
    /// The sum over channels.
    case sumChannels
    /// x minus its mean over channels.
    case centre
    /// Channels `first`… of a map.
    case channels(first: Int, count: Int)
    /// A part of a map.
    case part(top: Dimension, left: Dimension, height: Dimension, width: Dimension)
    /// A map surrounded by zeros.
    case placed(top: Dimension, left: Dimension, height: Dimension, width: Dimension)
    /// A map grown at its end by reflection.
    case grown(height: Dimension, width: Dimension)
    /// A map of one value.
    case filled(Double, ValueType)
    /// A map in which another one takes the place of a part.
    case overwritten(top: Dimension, left: Dimension)
  }

  package static let name = "raised"
  package var kind: Kind

  package init(_ kind: Kind) { self.kind = kind }

  package var label: String { "raised" }
  package var attributes: [Attribute] { [Attribute("kind", "\(kind)")] }

  /// What the user is told is left over.
  package var description: String {
    switch kind {
    case .affine: "a scaling or shift of channels"
    case .unary(let name): name
    case .binary(let name): "\(name) of two maps"
    case .exceeds: "a comparison"
    case .sumChannels: "a sum over channels"
    case .centre: "a mean that is subtracted"
    case .channels: "a part of the channels"
    case .part: "a part of a map"
    case .placed: "a map surrounded by zeros"
    case .grown: "reflection padding"
    case .filled: "a constant map"
    case .overwritten: "a map with a part replaced"
    }
  }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    if case .filled(_, let type) = kind { return [type] }
    let rule = try TypeRule(self, inputs, count: 1...3)
    let map = try rule.map(0)
    switch kind {
    case .sumChannels: return [map.type(channels: 1)]
    case .channels(_, let count): return [map.type(channels: Dimension(count))]
    case .part(_, _, let height, let width), .placed(_, _, let height, let width), .grown(let height, let width):
      return [.map(map.dtype, map.channels, height, width)]
    case .binary: return [try widest(rule, map)]
    default: return [map.type]
    }
  }

  private func widest(_ rule: TypeRule, _ a: TypeRule.Map) throws -> ValueType {
    let b = try rule.map(1)
    func size(_ x: Dimension, _ y: Dimension) throws -> Dimension {
      if x == y || y == 1 { return x }
      guard x == 1 else { throw rule.failure("needs maps of sizes that go together") }
      return y
    }
    return .map(a.dtype, try size(a.channels, b.channels), try size(a.height, b.height), try size(a.width, b.width))
  }
}
