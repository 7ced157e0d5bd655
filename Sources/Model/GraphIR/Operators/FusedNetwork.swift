import Tensors

/// A network of fused stages among the primitives of a graph. The body sees nothing of the graph around it but its
/// picture, whose sizes have symbols of their own there.
///
/// Input and result: picture (1, 3, H, W) in float32.
package struct FusedNetwork: Operator {
  package static let name = "network"
  /// One picture in, one picture out.
  package var body: Graph

  package init(body: Graph) { self.body = body }

  package var regions: [Graph] { [body] }
  package func withRegions(_ regions: [Graph]) -> any Operator { FusedNetwork(body: regions.first ?? body) }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 1)
    let map = try rule.map(0)
    guard map.dtype == .float32, map.channels == 3 else { throw rule.failure("needs a picture, float32[1, 3, H, W]") }
    return [map.type]
  }
}
