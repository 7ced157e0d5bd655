import TestSupport

@testable import TorchFormat

/// The refused entries of group Z.
enum ZipCases {
  private static func built(_ change: (inout ZipBuilder) -> Void) -> [UInt8] {
    var builder = Checkpoints.builder
    change(&builder)
    return builder.build()
  }

  static let ends: [HostileCase] = [
    .init("Z01 empty file", "torch.empty-file") { [] },
    .init("Z02 four bytes", "zip.end-record") { [0x50, 0x4B, 3, 4] },
    .init("Z03 only an end record", "torch.no-pickle") { ZipBuilder([]).build() },
    .init("Z06 leading junk 4 B", "torch.format") { built { $0.leading = [1, 2, 3, 4] } },
    .init("Z06 leading junk 64 KiB", "torch.format") { [UInt8](repeating: 7, count: 65536) + Checkpoints.good },
    .init("Z06 leading junk with a zip's magic", "zip.layout") { built { $0.leading = [0x50, 0x4B, 3, 4] } },
    .init("Z06 leading junk, offsets from after it", "zip.layout") { [0x50, 0x4B, 3, 4] + Checkpoints.good },
    .init("Z07 trailing junk", "zip.end-record") { built { $0.trailing = [0] } },
    .init("Z07 long trailing junk", "zip.end-record") { Checkpoints.good + [UInt8](repeating: 1, count: 70000) },
    .init("Z08 two archives", "zip.layout") { Checkpoints.good + Checkpoints.good },
    .init("Z09 fake end record in comment", "zip.layout") { built { $0.comment = ZipBuilder([]).build() } },
    .init("Z09 comment", "zip.end-record") { built { $0.comment = [1, 2, 3] } },
    .init("Z10 comment length", "zip.end-record") { built { $0.commentCount = 500 } },
    .init("Z25 zip64 end outside", "zip.end-record") { built { $0.zip64 = .init(recordOffset: 1 << 62) } },
    .init("Z25 zip64 end overlapping", "zip.end-record") { built { $0.zip64 = .init(recordOffset: 10) } },
    .init("Z25 zip64 directory outside", "size.overflow") { built { $0.zip64 = .init(directoryOffset: .max) } },
    .init("Z25 zip64 directory shifted", "zip.layout") { built { $0.zip64 = .init(directoryOffset: 9) } },
    .init("Z26 count 60000", "zip.entry-count") { built { $0.count = 60000 } },
    .init("Z26 count 2^40 in zip64", "limit.exceeded", limit: "max_zip_entries") {
      built { $0.zip64 = .init(count: 1 << 40) }
    },
    .init("Z26 one more", "zip.entry-count") { built { $0.count = 5 } },
    .init("Z27 count 0 with entries", "zip.entry-count") { built { $0.count = 0 } },
    .init("Z27 sentinel without zip64", "zip.end-record") { built { $0.count = 0xFFFF } },
  ]

  static let headers: [HostileCase] = [
    .init("Z16 local sizes", "zip.local-mismatch") { Checkpoints.spoiled { $0.local.size = 25 } },
    .init("Z16 local compressed size", "zip.local-mismatch") { Checkpoints.spoiled { $0.local.compressedSize = 1 } },
    .init("Z17 central compressed size", "zip.size-mismatch") {
      Checkpoints.spoiled { $0.central.compressedSize = 1 << 30 }
    },
    .init("Z17 both central sizes", "limit.exceeded", limit: "max_inflated") {
      Checkpoints.spoiled {
        $0.central.compressedSize = 1 << 30
        $0.central.size = 1 << 30
      }
    },
    .init("Z18 central size 1 GiB", "zip.size-mismatch") { Checkpoints.spoiled { $0.central.size = 1 << 30 } },
    .init("Z18 central size 2^63", "size.overflow") {
      Checkpoints.spoiled {
        $0.central.size = 0xFFFF_FFFF
        $0.central.extra = zip64([1 << 63])
      }
    },
    .init("Z19 local extra length", "zip.layout") { Checkpoints.spoiled { $0.local.extraCount = 4 } },
    .init("Z19 extra shifts the data", "zip.layout") {
      Checkpoints.spoiled {
        $0.local.extra = [1, 0, 0, 0]
        $0.local.extraCount = 0
      }
    },
    .init("Z20 central checksum", "zip.local-mismatch") { Checkpoints.spoiled { $0.central.crc = 1 } },
    .init("Z20 both checksums", "zip.crc-mismatch") {
      Checkpoints.spoiled {
        $0.central.crc = 1
        $0.local.crc = 1
      }
    },
    .init("Z21 wrong data", "zip.crc-mismatch") { Checkpoints.spoiled { $0.packed = [9] + $0.data.dropFirst() } },
    .init("Z22 descriptor missing", "zip.descriptor") { torchLike { $0.descriptor = [] } },
    .init("Z22 descriptor wrong", "zip.descriptor") {
      torchLike { $0.descriptor = ZipBuilder.descriptor(crc: 1, size: 24) }
    },
    .init("Z22 descriptor of odd length", "zip.descriptor") { torchLike { $0.descriptor.removeLast() } },
    .init("Z22 descriptor unsigned", "zip.descriptor") { torchLike { $0.descriptor[0] = 0 } },
    .init("Z22 descriptor unannounced", "zip.layout") {
      Checkpoints.spoiled { $0.descriptor = ZipBuilder.descriptor(crc: 0, size: 24) }
    },
    .init("Z23 zip64 extra twice", "zip.extra-field") {
      Checkpoints.spoiled {
        $0.central.size = 0xFFFF_FFFF
        $0.central.extra = zip64([24]) + zip64([24])
      }
    },
    .init("Z24 sentinel without extra", "zip.extra-field") {
      Checkpoints.spoiled {
        $0.central.size = 0xFFFF_FFFF
        $0.central.compressedSize = 0xFFFF_FFFF
      }
    },
    .init("Z24 local sentinel without extra", "zip.extra-field") {
      Checkpoints.spoiled { $0.local.size = 0xFFFF_FFFF }
    },
    .init("Z24 extra cut short", "zip.extra-field") { Checkpoints.spoiled { $0.central.extra = [1, 0, 9] } },
    .init("Z24 extra too long", "zip.extra-field") { Checkpoints.spoiled { $0.central.extra = [1, 0, 9, 0, 1] } },
    .init("Z48 gap between entries", "zip.layout") { Checkpoints.spoiled { $0.gap = [0, 0, 0, 0] } },
    .init("Z48 gap before the directory", "zip.layout") { built { $0.beforeDirectory = [1] } },
    .init("Z48 a hidden entry", "zip.layout") {
      Checkpoints.spoiled { $0.gap = Array(ZipBuilder([.init("archive/x", [1])]).build().prefix(40)) }
    },
  ]

  private static func zip64(_ values: [UInt64]) -> [UInt8] {
    var out: [UInt8] = []
    out.put16(1)
    out.put16(8 * values.count)
    for value in values { out.put64(value) }
    return out
  }

  private static func torchLike(_ change: (inout ZipBuilder.Entry) -> Void) -> [UInt8] {
    Checkpoints.spoiled { entry in
      entry = entry.likeTorch()
      change(&entry)
    }
  }

  static let names: [HostileCase] = [
    .init("Z11 duplicate, same content", "zip.duplicate-name") {
      Checkpoints.with(.init("archive/data/0", Checkpoints.record))
    },
    .init("Z12 duplicate, other content", "zip.duplicate-name") {
      Checkpoints.with(.init("archive/data/0", [UInt8](repeating: 0, count: 24)))
    },
    .init("Z13 duplicate by case", "zip.duplicate-name") { Checkpoints.with(.init("archive/DATA/0", [1])) },
    .init("Z14 duplicate stored and deflated", "zip.duplicate-name") {
      Checkpoints.with(.deflated("archive/data/0", Checkpoints.record, Deflate.stored(Checkpoints.record)))
    },
    .init("Z15 local name", "zip.name-mismatch") {
      Checkpoints.spoiled { $0.local.name = Array("archive/data/1".utf8) }
    },
    .init("Z15 longer local name", "zip.layout") {
      Checkpoints.spoiled {
        $0.local.name = Array("archive/data/000".utf8)
        $0.packed = []
        $0.central.compressedSize = 24
      }
    },
    .init("Z35 NUL in name", "zip.name") { Checkpoints.with(.init("archive/data/0\0x", [1])) },
    .init("Z36 name not UTF-8", "zip.name") { Checkpoints.spoiled { $0.central.name = [0x61, 0x2F, 0xFF] } },
    .init("Z36 Unicode path differs", "zip.extra-field") {
      Checkpoints.spoiled { $0.central.extra = [0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 0x78] }
    },
    .init("Z37 name of 65,535 B", "limit.exceeded", limit: "max_entry_name") {
      Checkpoints.with(.init(String(repeating: "n", count: 65535), [1]))
    },
    .init("Z38 symlink", "zip.entry-kind") {
      Checkpoints.spoiled {
        $0.madeBy = 0x314
        $0.attributes = 0o120777 << 16
      }
    },
    .init("Z39 directory data.pkl/", "torch.no-pickle") {
      ZipBuilder([.init("archive/data.pkl/", []), .init("archive/version", [0x33])]).build()
    },
    .init("Z39 directory with content", "zip.entry-kind") { Checkpoints.with(.init("archive/x/", [1])) },
    .init("Z40 two top folders", "torch.top-folder") { Checkpoints.with(.init("other/data.pkl", [1])) },
    .init("Z40 an entry elsewhere", "torch.top-folder") { Checkpoints.with(.init("other/x", [1])) },
    .init("Z41 no top folder", "torch.no-pickle") {
      ZipBuilder(
        Checkpoints.entries().map { entry in
          var entry = entry
          entry.name = String(entry.name.dropFirst("archive/".count))
          return entry
        }
      ).build()
    },
  ]

  static let bombs: [HostileCase] = [
    .init("Z28 overlap: two entries over one", "zip.layout") {
      var extra = ZipBuilder.Entry("archive/data/1", [])
      extra.headerOffset = 0
      return Checkpoints.with(extra)
    },
    .init("Z28 quoted overlap", "zip.layout") { built { $0.entries[2].headerOffset = 1 } },
    .init("Z29 10 GB claimed by 10 MB", "limit.exceeded", limit: "max_inflated") {
      bomb([UInt8](repeating: 0, count: 10_000_000), claimed: 10_000_000_000)
    },
    .init("Z29 ratio", "limit.exceeded", limit: "max_ratio") { bomb([1, 2, 3], claimed: 100_000) },
    .init("Z29 one that says what it is", "limit.exceeded", limit: "max_inflated") {
      bomb(Deflate.zeros(runs: 400_000), claimed: 400_000 * 258 + 1)
    },
    .init("Z29 one that hides what it is", "zip.size-mismatch") { bomb(Deflate.zeros(runs: 100_000), claimed: 24) },
    .init("Z29 one that inflates to less", "zip.crc-mismatch") { bomb(Deflate.zeros(runs: 1), claimed: 24 * 100) },
    .init("Z29 broken deflate data", "zip.read") { bomb([7, 7, 7, 7, 7, 7, 7], claimed: 24) },
    .init("Z30 many entries over one kernel", "zip.layout") {
      let kernel = Checkpoints.entries()
      let shared = (0..<20_000).map { index in
        var entry = ZipBuilder.Entry.deflated("archive/k/\(index)", [], [])
        entry.headerOffset = 0
        entry.local.name = []
        return entry
      }
      return ZipBuilder(kernel + shared).build()
    },
    .init("Z31 nested zip", "torch.no-pickle") {
      ZipBuilder([.init("archive/model.pth", Checkpoints.good), .init("archive/version", [0x33])]).build()
    },
  ]

  /// A byte tensor whose record claims `claimed` inflated bytes.
  private static func bomb(_ packed: [UInt8], claimed: Int) -> [UInt8] {
    var entries = Checkpoints.entries(
      pickle: PickleAssembler.single(.init(type: "ByteStorage", count: claimed, shape: [claimed], strides: [1])))
    var entry = ZipBuilder.Entry.deflated("archive/data/0", [], packed)
    let isLarge = claimed > 0xFFFF_FFFE
    for header in [\ZipBuilder.Entry.local, \.central] {
      entry[keyPath: header].size = isLarge ? 0xFFFF_FFFF : claimed
      if isLarge { entry[keyPath: header].extra = zip64([UInt64(claimed)]) }
    }
    entries[Checkpoints.dataIndex] = entry
    return ZipBuilder(entries).build()
  }

  static let records: [HostileCase] = [
    .init("Z42 no version", "torch.missing-record") { ZipBuilder(Checkpoints.entries(version: nil)).build() },
    .init("Z42 long version", "limit.exceeded", limit: "max_hint_record") {
      ZipBuilder(Checkpoints.entries(version: String(repeating: "3", count: 1000))).build()
    },
    .init("Z43 no data.pkl", "torch.no-pickle") { ZipBuilder(Array(Checkpoints.entries().dropFirst())).build() },
    .init("Z44 TorchScript", "torch.torchscript") { Checkpoints.with(.init("archive/constants.pkl", [1])) },
    .init("Z47 gzip", "torch.gzip") { [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] },
    .init("Z47 tar", "torch.tar") {
      Array("storages".utf8) + [UInt8](repeating: 0, count: 249) + Array("ustar\0".utf8)
        + [UInt8](repeating: 0, count: 249)
    },
    .init("Z47 safetensors", "torch.safetensors") { [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8) },
    .init("Z47 Git LFS pointer", "torch.git-lfs") { Array("version https://git-lfs.github.com/spec/v1\n".utf8) },
    .init("Z47 plain pickle", "torch.plain-pickle") { PickleAssembler.make { $0.raw("}.") } },
    .init("Z47 HTML page", "torch.format") { Array("<!DOCTYPE html><html></html>".utf8) },
    .init("Z47 legacy, cut in the storage", "file.truncated") { Array(Checkpoints.legacy().dropLast()) },
    .init("Z47 legacy, cut in the pickle", "pickle.truncated") { Array(Checkpoints.legacy().prefix(100)) },
    .init("Z47 legacy, trailing bytes", "torch.trailing") { Checkpoints.legacy(trailing: [0]) },
    .init("Z47 legacy, unknown key", "torch.legacy-keys") { Checkpoints.legacy(keys: ["1"]) },
    .init("Z47 legacy, key twice", "torch.legacy-keys") { Checkpoints.legacy(keys: ["0", "0"]) },
    .init("Z47 legacy, key missing", "torch.missing-record") { Checkpoints.legacy(keys: []) },
    .init("Z47 legacy, storage of another size", "torch.storage-size") {
      Checkpoints.legacy(storage: [7, 0, 0, 0, 0, 0, 0, 0] + Checkpoints.record)
    },
    .init("Z47 legacy, numel 2^63", "torch.storage-size") {
      Checkpoints.legacy(storage: [6, 0, 0, 0, 0, 0, 0, 0x80] + Checkpoints.record)
    },
  ]
}
