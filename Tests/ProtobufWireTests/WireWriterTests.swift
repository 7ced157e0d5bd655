import ProtobufWire
import Testing

@Suite struct WireWriterTests {
  @Test func valuesAreWrittenAsTheEncodingSays() {
    var writer = WireWriter()
    writer.integer(1, 150)
    writer.integer(2, 0)
    writer.string(2, "testing")
    writer.packed(6, [3, 270, 86_942])
    writer.packedSigned(7, [-1, 1])
    writer.float(8, 1)
    let expected: [UInt8] = [
      0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6E, 0x67, 0x32, 0x06, 0x03, 0x8E, 0x02, 0x9E, 0xA7,
      0x05, 0x3A, 0x02, 0x01, 0x02, 0x45, 0x00, 0x00, 0x80, 0x3F,
    ]
    #expect(writer.bytes == expected)
  }
}
