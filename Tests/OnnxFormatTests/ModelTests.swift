import OnnxFormat
import Tensors
import Testing

@Suite struct ModelTests {
  @Test func garbageIsRefused() {
    #expect(throws: EVSSMError.self) { try OnnxModel([0x0F, 0xFF]) }
  }
}
