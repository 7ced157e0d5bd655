/// TIFF blocks as EXIF data holds them.
enum EXIFBuilder {
  /// One directory with an orientation. `value` is stored as a short unless `type` says otherwise.
  static func block(
    orientation value: UInt16, little: Bool = true, type: UInt16 = 3, count: UInt32 = 1, entries: UInt16 = 1,
    next: UInt32 = 0
  ) -> [UInt8] {
    let short = { (value: UInt16) in bytes(of: value, little) }
    let long = { (value: UInt32) in bytes(of: value, little) }
    let head = (little ? [0x49, 0x49] : [0x4D, 0x4D]) + short(42) + long(8)
    let entry = short(0x0112) + short(type) + long(count) + short(value) + [0, 0]
    return head + short(entries) + entry + long(next)
  }

  private static func bytes<Value: FixedWidthInteger>(of value: Value, _ little: Bool) -> [UInt8] {
    withUnsafeBytes(of: little ? value.littleEndian : value.bigEndian) { Array($0) }
  }
}
