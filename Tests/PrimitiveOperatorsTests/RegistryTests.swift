import PrimitiveOperators
import Tensors
import Testing

@Suite struct RegistryTests {
  @Test func identityGivesItsInput() throws {
    let call = PrimitiveCall("Identity", opset: 18, inputs: [true])
    let tensor = try Tensor(shape: [2, 1], floats: [1, 2])
    let results = try call.evaluated(PrimitiveRegistry.operator(for: call), [tensor])
    #expect(results.map(\.shape) == [[2, 1]])
    #expect(results[0].floats() == [1, 2])
  }

  @Test func unknownOperatorsAreNamed() {
    let call = PrimitiveCall("Frobnicate", opset: 18, inputs: [true])
    #expect(throws: EVSSMError.self) { try PrimitiveRegistry.operator(for: call) }
  }
}
