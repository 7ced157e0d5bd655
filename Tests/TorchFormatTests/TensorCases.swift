/// The refused entries of group T.
enum TensorCases {
  private static func zip(_ knobs: PickledTensorKnobs) -> [UInt8] { Checkpoints.zip(PickleAssembler.single(knobs)) }

  private static func changed(_ change: (inout PickledTensorKnobs) -> Void) -> [UInt8] {
    var knobs = PickledTensorKnobs()
    change(&knobs)
    return zip(knobs)
  }

  /// A call of _rebuild_tensor_v3 over the record's 24 bytes.
  static func version3(_ dtype: String, count: Int, storage: String? = nil) -> PickledTensorKnobs {
    var knobs = PickledTensorKnobs(count: 24, shape: [count], strides: [1])
    knobs.function = "_rebuild_tensor_v3"
    knobs.storage.module = storage == nil ? "torch.storage" : "torch"
    knobs.storage.type = storage ?? "UntypedStorage"
    if storage != nil { knobs.storage.count = { $0.int(6) } }
    knobs.rest = { $0.global("torch", dtype) }
    return knobs
  }

  static let layouts: [HostileCase] = [
    .init("T01 offset past the end", "torch.tensor-range") { zip(.init(offset: 1, shape: [2, 3], strides: [3, 1])) },
    .init("T01 offset 2^62", "size.overflow") { zip(.init(offset: 1 << 62, shape: [1], strides: [1])) },
    .init("T01 offset past the end of an empty view", "torch.tensor-range") {
      zip(.init(offset: 7, shape: [0], strides: [1]))
    },
    .init("T02 negative offset", "torch.tensor-negative") { zip(.init(offset: -1, shape: [1], strides: [1])) },
    .init("T03 negative size", "torch.tensor-negative") { zip(.init(shape: [-2, -3], strides: [3, 1])) },
    .init("T04 negative stride", "torch.tensor-negative") { zip(.init(offset: 5, shape: [6], strides: [-1])) },
    .init("T05 product of sizes wraps", "size.overflow") {
      zip(.init(shape: [1 << 32, 1 << 32], strides: [0, 0]))
    },
    .init("T05 wraps behind a zero", "size.overflow") {
      zip(.init(shape: [0, 1 << 40, 1 << 40], strides: [0, 0, 0]))
    },
    .init("T06 wraps in bytes", "size.overflow") { zip(.init(shape: [1 << 31, 1 << 31], strides: [0, 0])) },
    .init("T07 stride times size wraps", "size.overflow") { zip(.init(shape: [5], strides: [1 << 62])) },
    .init("T07 sum of extents wraps", "size.overflow") {
      zip(.init(shape: [2, 2], strides: [1 << 62, 1 << 62]))
    },
    .init("T08 rank and strides differ", "torch.tensor-strides") { zip(.init(shape: [2, 3], strides: [1])) },
    .init("T09 rank 10,000", "limit.exceeded", limit: "max_rank") {
      zip(.init(shape: [Int](repeating: 1, count: 10_000), strides: [Int](repeating: 1, count: 10_000)))
    },
    .init("T09 rank 9", "limit.exceeded", limit: "max_rank") {
      zip(.init(shape: [Int](repeating: 1, count: 9), strides: [Int](repeating: 1, count: 9)))
    },
    .init("T09 dimension over 2^40", "limit.exceeded", limit: "max_dimension") {
      zip(.init(shape: [(1 << 40) + 1], strides: [0]))
    },
    .init("T18 stride 0 times 2^40", "limit.exceeded", limit: "max_materialised") {
      zip(.init(shape: [1 << 40], strides: [0]))
    },
    .init("T18 many of 1 GiB", "limit.exceeded", limit: "max_materialised") {
      Checkpoints.zip(
        PickleAssembler.params { pickle in
          for index in 0..<4 {
            pickle.text("w\(index)")
            pickle.tensor(.init(shape: [1 << 27], strides: [0]))
          }
        })
    },
    .init("T13 offset a float", "torch.tensor-number") { changed { $0.offset = { $0.float(0) } } },
    .init("T13 offset a bool", "torch.tensor-number") { changed { $0.offset = { $0.raw([0x89]) } } },
    .init("T13 shape a list", "torch.tensor-number") { changed { $0.shape = { $0.raw("]") } } },
    .init("T13 shape of floats", "torch.tensor-number") {
      changed {
        $0.shape = { pickle in
          pickle.float(2)
          pickle.raw([0x85])
        }
      }
    },
  ]

  static let storages: [HostileCase] = [
    .init("T10 numel over the record", "torch.storage-size") { zip(.init(count: 7, shape: [6], strides: [1])) },
    .init("T11 numel under the record", "torch.storage-size") { zip(.init(count: 5, shape: [5], strides: [1])) },
    .init("T12 numel 2^50", "torch.storage-size") { zip(.init(count: 1 << 50, shape: [6], strides: [1])) },
    .init("T12 numel 2^62", "size.overflow") { zip(.init(count: 1 << 62, shape: [6], strides: [1])) },
    .init("T13 numel negative", "torch.storage-size") { zip(.init(count: -6, shape: [6], strides: [1])) },
    .init("T13 numel a float", "torch.tensor-number") { changed { $0.storage.count = { $0.float(6) } } },
    .init("T13 numel a bool", "torch.tensor-number") { changed { $0.storage.count = { $0.raw([0x88]) } } },
    .init("T14 storage type and dtype differ", "torch.dtype-mismatch") {
      zip(version3("int32", count: 6, storage: "FloatStorage"))
    },
    .init("T14 untyped storage without a dtype", "torch.dtype-mismatch") {
      changed {
        $0.storage.module = "torch.storage"
        $0.storage.type = "UntypedStorage"
        $0.storage.count = { $0.int(24) }
      }
    },
    .init("T14 a tensor on no storage", "torch.tensor-storage") {
      Checkpoints.zip(
        PickleAssembler.params { pickle in
          pickle.text("w")
          pickle.global("torch._utils", "_rebuild_tensor")
          pickle.raw(Array("(NK\0))t".utf8) + Array("R".utf8))
        })
    },
    .init("T15 a key with two types", "torch.storage-conflict") {
      twice(.init(type: "IntStorage", shape: [6], strides: [1]))
    },
    .init("T15 a key with two sizes", "torch.storage-conflict") { twice(.init(count: 5, shape: [5], strides: [1])) },
    .init("T16 missing record", "torch.missing-record") { changed { $0.storage.key = "1" } },
    .init("T17 key ../data.pkl", "torch.storage-key") { changed { $0.storage.key = "../data.pkl" } },
    .init("T17 key 0/../0", "torch.storage-key") { changed { $0.storage.key = "0/../0" } },
    .init("T17 key empty", "torch.storage-key") { changed { $0.storage.key = "" } },
    .init("T17 key with NUL", "torch.storage-key") { changed { $0.storage.key = "0\0" } },
    .init("T17 key of 1 MiB", "limit.exceeded", limit: "max_storage_tag") {
      changed { $0.storage.key = String(repeating: "0", count: 1 << 20) }
    },
    .init("T29 device meta", "torch.meta") { changed { $0.storage.device = "meta" } },
    .init("T29 device of 1 MiB", "limit.exceeded", limit: "max_storage_tag") {
      changed { $0.storage.device = String(repeating: "c", count: 1 << 20) }
    },
  ]

  private static func twice(_ second: PickledTensorKnobs) -> [UInt8] {
    Checkpoints.zip(
      PickleAssembler.params { pickle in
        pickle.text("v")
        pickle.tensor()
        pickle.text("w")
        pickle.tensor(second)
      })
  }

  static let kinds: [HostileCase] =
    [
      ("T26 complex", "torch", "ComplexFloatStorage"), ("T26 quantised storage", "torch", "QInt8Storage"),
      ("T26 quantised", "torch._utils", "_rebuild_qtensor"), ("T26 sparse", "torch._utils", "_rebuild_sparse_tensor"),
      ("T26 nested", "torch._utils", "_rebuild_nested_tensor"),
      ("T26 meta", "torch._utils", "_rebuild_meta_tensor_no_storage"),
      ("T26 XLA", "torch._utils", "_rebuild_xla_tensor"), ("T26 DTensor", "torch.distributed.tensor", "DTensor"),
      ("T26 float8", "torch", "float8_e4m3fn"),
      ("T27 Parameter with state", "torch._utils", "_rebuild_parameter_with_state"),
      ("T28 _rebuild_from_type_v2", "torch._tensor", "_rebuild_from_type_v2"),
      ("T28 from numpy", "torch._utils", "_rebuild_device_tensor_from_numpy"),
      ("T28 wrapper subclass", "torch._utils", "_rebuild_wrapper_subclass"),
    ].map { id, module, name in
      HostileCase(id, "pickle.global") { Checkpoints.zip(PickleAssembler.beside { $0.global(module, name) }) }
    } + [
      .init("T26 a negative view", "torch.tensor-metadata") {
        changed {
          $0.rest = { pickle in
            pickle.raw("}")
            pickle.text("neg")
            pickle.raw([0x88, 0x73])
          }
        }
      },
      .init("T27 hooks", "torch.hooks") {
        changed {
          $0.hooks = { pickle in
            pickle.orderedDict()
            pickle.raw("K\0Ns")
          }
        }
      },
      .init("T27 requires_grad an int", "pickle.reduce") { changed { $0.requiresGrad = [0x4B, 1] } },
      .init("T28 v3 without a dtype", "pickle.reduce") {
        var knobs = version3("float32", count: 6)
        knobs.rest = { $0.raw("N") }
        return zip(knobs)
      },
    ]
}
