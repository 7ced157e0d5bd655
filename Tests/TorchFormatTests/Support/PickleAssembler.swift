import TestSupport

/// A pickle put together opcode by opcode.
struct PickleAssembler {
  var bytes: [UInt8]

  init(protocol version: UInt8 = 2) { bytes = [0x80, version] }

  static func make(_ body: (inout PickleAssembler) -> Void) -> [UInt8] {
    var assembler = PickleAssembler()
    body(&assembler)
    return assembler.bytes
  }

  mutating func raw(_ opcodes: String) { bytes += opcodes.utf8 }
  mutating func raw(_ opcodes: [UInt8]) { bytes += opcodes }
  mutating func global(_ module: String, _ name: String) { raw("c\(module)\n\(name)\n") }

  mutating func text(_ text: String) { text8(Array(text.utf8)) }

  mutating func text8(_ text: [UInt8]) {
    raw("X")
    bytes.put32(text.count)
    bytes += text
  }

  mutating func int(_ value: Int) {
    if (0..<256).contains(value) { return raw([0x4B, UInt8(value)]) }
    raw([0x8A, 8])
    bytes.put64(UInt64(bitPattern: Int64(value)))
  }

  mutating func float(_ value: Double) {
    raw("G")
    bytes.put64(value.bitPattern.byteSwapped)
  }

  mutating func ints(_ values: [Int]) {
    raw("(")
    for value in values { int(value) }
    raw("t")
  }

  mutating func orderedDict() {
    global("collections", "OrderedDict")
    raw(")R")
  }

  /// A persistent id on the stack, made into a storage.
  mutating func storage(_ storage: PickledStorageKnobs = .init()) {
    raw("(")
    text(storage.kind)
    global(storage.module, storage.type)
    text(storage.key)
    text(storage.device)
    storage.count(&self)
    if storage.isLegacy { raw("N") }
    raw("tQ")
  }

  /// A call of _rebuild_tensor_v2 on the stack.
  mutating func tensor(_ tensor: PickledTensorKnobs = .init()) {
    global(tensor.module, tensor.function)
    raw("(")
    storage(tensor.storage)
    tensor.offset(&self)
    tensor.shape(&self)
    tensor.strides(&self)
    raw(tensor.requiresGrad)
    tensor.hooks(&self)
    tensor.rest(&self)
    raw("tR")
  }

  /// `{"params": OrderedDict(entries)}` and STOP.
  static func params(_ entries: (inout PickleAssembler) -> Void) -> [UInt8] {
    make { pickle in
      pickle.raw("}")
      pickle.text("params")
      pickle.orderedDict()
      pickle.raw("(")
      entries(&pickle)
      pickle.raw("us.")
    }
  }

  /// `{"params": {"w": tensor}}`.
  static func single(_ tensor: PickledTensorKnobs) -> [UInt8] {
    params { pickle in
      pickle.text("w")
      pickle.tensor(tensor)
    }
  }

  /// A good checkpoint with `value` under another key: what the pickle may hold besides tensors.
  static func beside(_ value: (inout PickleAssembler) -> Void) -> [UInt8] {
    make { pickle in
      pickle.raw("}(")
      pickle.text("params")
      pickle.raw("}")
      pickle.text("w")
      pickle.tensor()
      pickle.raw("s")
      pickle.text("extra")
      value(&pickle)
      pickle.raw("u.")
    }
  }
}

struct PickledStorageKnobs {
  var kind = "storage"
  var module = "torch"
  var type = "FloatStorage"
  var key = "0"
  var device = "cpu"
  var count: (inout PickleAssembler) -> Void = { $0.int(6) }
  var isLegacy = false
}

struct PickledTensorKnobs {
  var module = "torch._utils"
  var function = "_rebuild_tensor_v2"
  var storage = PickledStorageKnobs()
  var offset: (inout PickleAssembler) -> Void = { $0.int(0) }
  var shape: (inout PickleAssembler) -> Void = { $0.ints([2, 3]) }
  var strides: (inout PickleAssembler) -> Void = { $0.ints([3, 1]) }
  var requiresGrad: [UInt8] = [0x89]
  var hooks: (inout PickleAssembler) -> Void = { $0.orderedDict() }
  var rest: (inout PickleAssembler) -> Void = { _ in }

  init() {}

  init(type: String = "FloatStorage", count: Int = 6, offset: Int = 0, shape: [Int], strides: [Int]) {
    storage.type = type
    storage.count = { $0.int(count) }
    self.offset = { $0.int(offset) }
    self.shape = { $0.ints(shape) }
    self.strides = { $0.ints(strides) }
  }
}
