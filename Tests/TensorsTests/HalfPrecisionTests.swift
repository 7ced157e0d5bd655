import Testing

@testable import Tensors

@Suite struct HalfPrecisionTests {
  @Test func everyBinary16RoundTrips() {
    for bits in UInt16.min...UInt16.max {
      let value = HalfPrecision.float(fromBinary16: bits)
      if value.isNaN { continue }
      #expect(HalfPrecision.binary16(Double(value)) == bits)
    }
  }

  @Test func everyBFloat16RoundTrips() {
    for bits in UInt16.min...UInt16.max {
      let value = HalfPrecision.float(fromBFloat16: bits)
      if value.isNaN { continue }
      #expect(HalfPrecision.bfloat16(Double(value)) == bits)
    }
  }

  @Test func roundsToNearestEvenAndOverflowsToInfinity() {
    #expect(HalfPrecision.binary16(1 + 0x1p-11) == 0x3C00)
    #expect(HalfPrecision.binary16(1 + 3 * 0x1p-11) == 0x3C02)
    #expect(HalfPrecision.binary16(65519) == 0x7BFF)
    #expect(HalfPrecision.binary16(65520) == 0x7C00)
    #expect(HalfPrecision.binary16(-0x1p-25) == 0x8000)
    #expect(HalfPrecision.binary16(1.5 * 0x1p-25) == 0x0001)
  }

  @Test func productsThatOverflowAreErrors() {
    #expect(throws: EVSSMError.self) { try Checked.product([1 << 40, 1 << 40, 0]) }
    #expect(throws: EVSSMError.self) { try Tensor(dtype: .float32, shape: [-1]) { _ in } }
  }
}
