import Tensors
import TestSupport

@testable import TorchFormat

/// Checkpoints that are right, for the tests to spoil.
enum Checkpoints {
  static let values: [Float] = [0, 1.5, -2, 3.25, -4, 5]
  static let record = [UInt8].floats(values)

  static func entries(
    pickle: [UInt8] = PickleAssembler.single(.init()), records: [(String, [UInt8])] = [("0", record)],
    version: String? = "3\n", byteOrder: String? = "little"
  ) -> [ZipBuilder.Entry] {
    var entries = [ZipBuilder.Entry("archive/data.pkl", pickle)]
    if let byteOrder { entries.append(.init("archive/byteorder", Array(byteOrder.utf8))) }
    entries += records.map { .init("archive/data/\($0.0)", $0.1) }
    if let version { entries.append(.init("archive/version", Array(version.utf8))) }
    return entries
  }

  static func zip(_ pickle: [UInt8], _ records: [(String, [UInt8])] = [("0", record)]) -> [UInt8] {
    ZipBuilder(entries(pickle: pickle, records: records)).build()
  }

  /// The archive of one float32 tensor `w` of shape 2×3.
  static var builder: ZipBuilder { ZipBuilder(entries()) }
  static var good: [UInt8] { builder.build() }

  /// Index of `data/0` in ``entries(pickle:records:version:byteOrder:)``.
  static let dataIndex = 2

  /// The good archive with its data entry changed.
  static func spoiled(_ change: (inout ZipBuilder.Entry) -> Void) -> [UInt8] {
    var builder = builder
    change(&builder.entries[dataIndex])
    return builder.build()
  }

  /// The good archive with `extra` entries at its end.
  static func with(_ extra: ZipBuilder.Entry...) -> [UInt8] { ZipBuilder(entries() + extra).build() }

  /// A legacy file of one tensor `w`.
  static func legacy(
    tensor: PickledTensorKnobs = .init(), object: [UInt8]? = nil, keys: [String] = ["0"], storage: [UInt8]? = nil,
    trailing: [UInt8] = []
  ) -> [UInt8] {
    var tensor = tensor
    tensor.storage.isLegacy = true
    var out: [UInt8] = [0x80, 2, 0x8A, 10] + LegacyContainer.magic + Array(".".utf8)
    out += [0x80, 2, 0x4D, 0xE9, 3] + Array(".".utf8)
    out += PickleAssembler.make { $0.raw("}.") }
    out += object ?? PickleAssembler.single(tensor)
    out += PickleAssembler.make { pickle in
      pickle.raw("](")
      for key in keys { pickle.text(key) }
      pickle.raw("e.")
    }
    var data: [UInt8] = []
    data.put64(6)
    return out + (storage ?? data + record) + trailing
  }
}
