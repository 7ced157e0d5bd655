import TestSupport

/// The refused entries of group P.
enum PickleCases {
  private static func zip(_ body: (inout PickleAssembler) -> Void) -> [UInt8] {
    Checkpoints.zip(PickleAssembler.make(body))
  }

  private static func beside(_ value: (inout PickleAssembler) -> Void) -> [UInt8] {
    Checkpoints.zip(PickleAssembler.beside(value))
  }

  private static func tensor(_ change: (inout PickledTensorKnobs) -> Void) -> [UInt8] {
    var knobs = PickledTensorKnobs()
    change(&knobs)
    return Checkpoints.zip(PickleAssembler.single(knobs))
  }

  static let structure: [HostileCase] = [
    .init("P01 empty", "pickle.truncated") { Checkpoints.zip([]) },
    .init("P02 no STOP", "pickle.truncated") { Checkpoints.zip(PickleAssembler.single(.init()).dropLast()) },
    .init("P03 bytes after STOP", "pickle.trailing") { Checkpoints.zip(PickleAssembler.single(.init()) + [0]) },
    .init("P04 two items at STOP", "pickle.stack") { zip { $0.raw("}}.") } },
    .init("P04 an open mark at STOP", "pickle.stack") { zip { $0.raw("}(.") } },
    .init("P06 TUPLE without MARK", "pickle.mark") { zip { $0.raw("Nt.") } },
    .init("P06 SETITEMS without MARK", "pickle.mark") { zip { $0.raw("}NNu.") } },
    .init("P07 memo miss", "pickle.memo") { zip { $0.raw("h\u{7}.") } },
    .init("P07 memo gap", "pickle.memo") { zip { $0.raw("}q\u{9}h\u{8}.") } },
    .init("P08 memo index 2^32 - 1", "limit.exceeded", limit: "max_pickle_memo") {
      zip { $0.raw(Array("}r".utf8) + [0xFF, 0xFF, 0xFF, 0xFF, 0x2E]) }
    },
    .init("P08 memo index far ahead", "pickle.memo") { zip { $0.raw(Array("}r".utf8) + [0, 0, 0x10, 0, 0x2E]) } },
    .init("P09 10 M entries of the memo", "limit.exceeded", limit: "max_pickle_objects") { zip(memoFlood) },
    .init("P09 a stack of 2 M", "limit.exceeded", limit: "max_pickle_stack") {
      zip { $0.raw([UInt8](repeating: UInt8(ascii: "N"), count: 2_000_000)) }
    },
    .init("P09 20 M opcodes", "limit.exceeded", limit: "max_pickle_opcodes") {
      Checkpoints.zip(
        [UInt8](unsafeUninitializedCapacity: 40_000_010) { bytes, count in
          count = bytes.count
          for index in bytes.indices { bytes[index] = index & 1 == 0 ? 0x80 : 2 }
        })
    },
    .init("P09 64 MiB of pickle", "limit.exceeded", limit: "max_pickle_bytes") {
      Checkpoints.zip([UInt8](repeating: 0, count: (64 << 20) + 1))
    },
    .init("P11 frame past the end", "pickle.frame") { framed(length: 1000) },
    .init("P11 frame of 2^63", "size.overflow") { framed(length: 1 << 63) },
    .init("P11 frame that cuts an opcode", "pickle.frame") { framed(length: 3) },
    .init("P11 frame in a frame", "pickle.frame") {
      zip { pickle in
        pickle.raw([0x95, 12, 0, 0, 0, 0, 0, 0, 0, 0x95, 1, 0, 0, 0, 0, 0, 0, 0])
        pickle.raw("N.")
      }
    },
  ]

  private static func memoFlood(_ pickle: inout PickleAssembler) {
    pickle.raw("N")
    for index in 0..<5_000_000 {
      pickle.bytes.append(UInt8(ascii: "r"))
      pickle.bytes.put32(index)
    }
  }

  private static func framed(length: UInt64) -> [UInt8] {
    var pickle: [UInt8] = [0x80, 4, 0x95]
    pickle.put64(length)
    return Checkpoints.zip(pickle + Array("}M\0\0sK\u{1}.".utf8))
  }

  static let globals: [HostileCase] = [
    .init("P14 STACK_GLOBAL with built strings", "pickle.global") {
      zip { pickle in
        pickle.text("os")
        pickle.text("system")
        pickle.raw([0x93])
      }
    },
    .init("P14 STACK_GLOBAL of other values", "pickle.global") { zip { $0.raw([0x4E, 0x4E, 0x93]) } },
    .init("P15 INST", "pickle.opcode") { zip { $0.raw("(ios\nsystem\n.") } },
    .init("P15 OBJ", "pickle.opcode") { zip { $0.raw("(ctorch\nSize\no.") } },
    .init("P15 NEWOBJ", "pickle.opcode") { zip { $0.raw(Array("ctorch\nSize\n)".utf8) + [0x81]) } },
    .init("P15 NEWOBJ_EX", "pickle.opcode") { zip { $0.raw(Array("ctorch\nSize\n)}".utf8) + [0x92]) } },
    .init("P16 EXT1", "pickle.opcode") { zip { $0.raw([0x82, 1]) } },
    .init("P16 EXT2", "pickle.opcode") { zip { $0.raw([0x83, 1, 0]) } },
    .init("P16 EXT4", "pickle.opcode") { zip { $0.raw([0x84, 1, 0, 0, 0]) } },
    .init("P17 PERSID", "pickle.opcode") { zip { $0.raw("Pstorage\n.") } },
    .init("P17 BINPERSID of a string", "torch.persistent-id") {
      zip { pickle in
        pickle.text("storage")
        pickle.raw("Q.")
      }
    },
    .init("P17 BINPERSID of a tuple of 1", "torch.persistent-id") {
      zip { pickle in
        pickle.text("storage")
        pickle.raw([0x85, 0x51])
      }
    },
    .init("P17 module instead of storage", "torch.persistent-id") { tensor { $0.storage.kind = "module" } },
    .init("P17 view metadata in a zip", "torch.persistent-id") { tensor { $0.storage.isLegacy = true } },
    .init("P17 a function as storage class", "torch.persistent-id") { tensor { $0.storage.type = "Size" } },
    .init("P18 dots in the name", "pickle.global") { zip { $0.global("torch._utils", "os.system") } },
    .init("P18 a listed name cut elsewhere", "pickle.global") {
      zip { $0.global("torch", "_utils._rebuild_tensor_v2") }
    },
    .init("P18 dots that join", "pickle.global") { zip { $0.global("torch._utils._rebuild_tensor_v2", "") } },
    .init("P19 trailing space", "pickle.global") { zip { $0.global("torch._utils", "_rebuild_tensor_v2 ") } },
    .init("P19 CRLF", "pickle.global") { zip { $0.raw("ctorch._utils\r\n_rebuild_tensor_v2\r\n") } },
    .init("P19 unterminated", "pickle.truncated") { zip { $0.raw("ctorch._utils\n_rebuild") } },
    .init("P19 name of 1 MiB", "limit.exceeded", limit: "max_global_name") {
      zip { $0.global("torch", String(repeating: "x", count: 1 << 20)) }
    },
    .init("P19 not UTF-8", "pickle.utf8") { zip { $0.raw([0x63, 0xFF, 0x0A, 0x61, 0x0A]) } },
    .init("P20 REDUCE on a tensor", "pickle.reduce") {
      beside { pickle in
        pickle.tensor()
        pickle.raw(")R")
      }
    },
    .init("P20 OrderedDict with arguments", "pickle.reduce") {
      beside { pickle in
        pickle.global("collections", "OrderedDict")
        pickle.raw(Array("]".utf8) + [0x85, 0x52])
      }
    },
    .init("P20 10^6 arguments", "limit.exceeded", limit: "max_pickle_stack") {
      beside { pickle in
        pickle.global("collections", "OrderedDict")
        pickle.raw([0x28] + [UInt8](repeating: 0x4E, count: 1_000_000) + [0x74, 0x52])
      }
    },
    .init("P20 10^5 arguments", "pickle.reduce") {
      beside { pickle in
        pickle.global("torch._utils", "_rebuild_tensor_v2")
        pickle.raw([0x28] + [UInt8](repeating: 0x4E, count: 100_000) + [0x74, 0x52])
      }
    },
    .init("P20 a dtype called", "pickle.reduce") {
      beside { pickle in
        pickle.global("torch", "float32")
        pickle.raw(")R")
      }
    },
    .init("P35 argparse.Namespace", "pickle.global") { beside { $0.global("argparse", "Namespace") } },
    .init("P35 numpy scalar", "pickle.global") { beside { $0.global("numpy.core.multiarray", "scalar") } },
    .init("P37 Counter", "pickle.global") { beside { $0.global("collections", "Counter") } },
    .init("P37 defaultdict", "pickle.global") { beside { $0.global("collections", "defaultdict") } },
  ]

  static let containers: [HostileCase] = [
    .init("P21 BUILD on a dict", "pickle.build") { beside { $0.raw("}}b") } },
    .init("P21 BUILD of __class__", "pickle.build") { beside { build("__class__", &$0) } },
    .init("P21 BUILD of __dict__", "pickle.build") { beside { build("__dict__", &$0) } },
    .init("P21 BUILD on a tensor", "pickle.build") {
      beside { pickle in
        pickle.tensor()
        pickle.raw("}b")
      }
    },
    .init("P21 BUILD of a tuple state", "pickle.build") {
      beside { pickle in
        pickle.orderedDict()
        pickle.raw(")b")
      }
    },
    .init("P22 SETITEM on a list", "pickle.target") { beside { $0.raw("]NNs") } },
    .init("P22 SETITEM on a tuple", "pickle.target") { beside { $0.raw(")NNs") } },
    .init("P22 SETITEMS on a tensor", "pickle.target") {
      beside { pickle in
        pickle.tensor()
        pickle.raw("(NNu")
      }
    },
    .init("P22 SETITEM on a storage", "pickle.target") {
      beside { pickle in
        pickle.storage()
        pickle.raw("K\0K\0s")
      }
    },
    .init("P23 APPEND on a dict", "pickle.target") { beside { $0.raw("}Na") } },
    .init("P23 APPENDS on a tensor", "pickle.target") {
      beside { pickle in
        pickle.tensor()
        pickle.raw("(NNe")
      }
    },
    .init("P24 odd SETITEMS", "pickle.items") { beside { $0.raw("}(NNNu") } },
    .init("P25 a list as key", "pickle.key") { beside { $0.raw("}]Ns") } },
    .init("P25 a dict as key", "pickle.key") { beside { $0.raw("}}Ns") } },
    .init("P25 a tensor as key", "pickle.key") {
      beside { pickle in
        pickle.raw("}")
        pickle.tensor()
        pickle.raw("Ns")
      }
    },
    .init("P26 list in itself", "pickle.cycle") { beside { $0.raw("]q\0h\0a") } },
    .init("P26 dict in itself", "pickle.cycle") { beside { $0.raw("}q\0K\u{1}h\0s") } },
    .init("P26 tuple in itself", "pickle.cycle") { beside { $0.raw(Array("]q\0h\0".utf8) + [0x85, 0x61]) } },
    .init("P26 two lists in each other", "pickle.cycle") { beside { $0.raw("]q\0]q\u{1}h\0aa") } },
    .init("P26 params in params", "pickle.cycle") {
      zip { pickle in
        pickle.raw("}q\0")
        pickle.text("params")
        pickle.raw("h\0s.")
      }
    },
    .init("P27 100k nested tuples", "limit.exceeded", limit: "max_pickle_nesting") {
      beside { $0.raw([0x29] + [UInt8](repeating: 0x85, count: 100_000)) }
    },
    .init("P27 100k open marks", "limit.exceeded", limit: "max_pickle_nesting") {
      beside { $0.raw([UInt8](repeating: 0x28, count: 100_000)) }
    },
    .init("P27 100k nested lists", "limit.exceeded", limit: "max_pickle_nesting") {
      beside { $0.raw([UInt8](repeating: 0x5D, count: 100_000) + [UInt8](repeating: 0x61, count: 99_999)) }
    },
    .init("P27 100k nested dicts", "limit.exceeded", limit: "max_pickle_nesting") {
      beside { pickle in
        for _ in 0..<100_000 { pickle.raw("}N") }
        pickle.raw("N" + String(repeating: "s", count: 100_000))
      }
    },
    .init("P31 key twice", "pickle.duplicate-key") {
      Checkpoints.zip(
        PickleAssembler.params { pickle in
          for _ in 0..<2 {
            pickle.text("w")
            pickle.tensor()
          }
        })
    },
    .init("P31 key twice outside the tensors", "pickle.duplicate-key") { beside { $0.raw("}(K\u{1}NK\u{1}Nu") } },
    .init("P31 1 and True", "pickle.duplicate-key") {
      beside { $0.raw(Array("}(K\u{1}N".utf8) + [0x88] + Array("Nu".utf8)) }
    },
    .init("P31 params twice", "pickle.duplicate-key") {
      zip { pickle in
        pickle.raw("}")
        for _ in 0..<2 {
          pickle.text("params")
          pickle.raw("}s")
        }
        pickle.raw(".")
      }
    },
  ]

  private static func build(_ attribute: String, _ pickle: inout PickleAssembler) {
    pickle.orderedDict()
    pickle.raw("}")
    pickle.text(attribute)
    pickle.raw("Nsb")
  }

  static let values: [HostileCase] = [
    .init("P29 BINUNICODE of 4 GiB", "pickle.truncated") { zip { $0.raw([0x58, 0xFF, 0xFF, 0xFF, 0xFF]) } },
    .init("P29 BINUNICODE8 of 2^63", "size.overflow") { zip { $0.raw([0x8D, 0, 0, 0, 0, 0, 0, 0, 0x80]) } },
    .init("P29 BINBYTES8 of 2^63 - 1", "size.overflow") {
      zip { $0.raw([0x8E] + [UInt8](repeating: 0xFF, count: 7) + [0x7F]) }
    },
    .init("P29 LONG4 of negative length", "pickle.length") { zip { $0.raw([0x8B, 0xFF, 0xFF, 0xFF, 0xFF]) } },
    .init("P29 LONG1 of 255 bytes as a size", "torch.tensor-number") {
      tensor { $0.shape = { $0.raw([0x8A, 255] + [UInt8](repeating: 1, count: 255) + [0x85]) } }
    },
    .init("P29 LONG1 cut", "pickle.truncated") { zip { $0.raw([0x8A, 255, 1]) } },
    .init("P30 invalid UTF-8", "pickle.utf8") { beside { $0.text8([0xC3, 0x28]) } },
    .init("P30 surrogate", "pickle.utf8") { beside { $0.text8([0xED, 0xA0, 0x80]) } },
    .init("P30 overlong", "pickle.utf8") { beside { $0.text8([0xC0, 0xAF]) } },
    .init("P32 an int as tensor's name", "torch.tensor-name") { named { $0.int(7) } },
    .init("P32 bytes as tensor's name", "torch.tensor-name") { named { $0.raw([0x43, 1, 0x77]) } },
    .init("P32 None as tensor's name", "torch.tensor-name") { named { $0.raw("N") } },
    .init("P33 NUL in a name", "torch.tensor-name") { named { $0.text("w\0x") } },
    .init("P33 newline in a name", "torch.tensor-name") { named { $0.text("w\nERROR all is lost") } },
    .init("P33 ESC in a name", "torch.tensor-name") { named { $0.text("\u{1B}[2J") } },
    .init("P33 bidirectional override in a name", "torch.tensor-name") { named { $0.text("w\u{202E}x") } },
    .init("P33 empty name", "torch.tensor-name") { named { $0.text("") } },
    .init("P33 name of 1 MiB", "limit.exceeded", limit: "max_tensor_name") {
      named { $0.text(String(repeating: "n", count: 1 << 20)) }
    },
    .init("P33 control characters in other keys", "torch.no-state-dict") {
      zip { pickle in
        pickle.raw("}")
        pickle.text("a\nb\u{1B}")
        pickle.raw("Ns.")
      }
    },
  ]

  private static func named(_ name: (inout PickleAssembler) -> Void) -> [UInt8] {
    Checkpoints.zip(
      PickleAssembler.params { pickle in
        name(&pickle)
        pickle.tensor()
      })
  }
}
