import Foundation
import Tensors
import TestSupport
import Testing

@testable import TorchFormat

/// Group P of the catalogue of hostile inputs: the pickle inside a checkpoint.
@Suite struct PickleTests {
  @Test(arguments: PickleCases.structure + PickleCases.globals + PickleCases.containers + PickleCases.values)
  func refused(_ hostile: HostileCase) { hostile.check() }

  @Test(
    "P05 stack underflow of each opcode",
    arguments: [
      "0": "pickle.stack", "1": "pickle.mark", "2": "pickle.stack", "q\0": "pickle.stack", "r\0\0\0\0": "pickle.stack",
      "R": "pickle.stack", "b": "pickle.stack", "Q": "pickle.stack", "t": "pickle.mark", "a": "pickle.stack",
      "e": "pickle.mark", "s": "pickle.stack", "u": "pickle.mark", ".": "pickle.stack", "h\0": "pickle.memo",
      "j\0\0\0\0": "pickle.memo", "(e": "pickle.stack", "(u": "pickle.stack", "NR": "pickle.reduce",
      ")R": "pickle.stack", "(N(R": "pickle.stack", "Nb": "pickle.stack", "Na": "pickle.stack", "NNs": "pickle.stack",
      "Ns": "pickle.stack", "}(Ns": "pickle.stack", "N(0": "pickle.stack", "N(2": "pickle.stack",
      "NQ": "torch.persistent-id",
    ])
  func underflow(_ opcodes: String, _ code: String) {
    Contract.expectRefusal(Checkpoints.zip(PickleAssembler.make { $0.raw(opcodes) }), code)
  }

  @Test("P05 stack underflow of each opcode", arguments: [0x85, 0x86, 0x87, 0x93, 0x94] as [UInt8])
  func underflow(_ opcode: UInt8) {
    Contract.expectRefusal(Checkpoints.zip([0x80, 2, opcode]), "pickle.stack")
  }

  @Test("P10 protocols", arguments: 0...255)
  func protocols(_ version: UInt8) throws {
    var pickle = PickleAssembler.single(.init())
    pickle[1] = version
    if (2...5).contains(version) {
      #expect(try Contract.read(Checkpoints.zip(pickle)).catalogue["w"]?.floats() == Checkpoints.values)
    } else {
      Contract.expectRefusal(Checkpoints.zip(pickle), "pickle.protocol")
    }
  }

  @Test("P12 every byte that is no opcode of the list")
  func unknownOpcodes() {
    let known = Set("(012qrhjcRbQNKMJGXTUCB)]}taesu.".utf8).union(
      Array(0x80...0x80) + [0x95, 0x94, 0x93] + Array(0x85...0x8E))
    let others = (0...255).map { UInt8($0) }.filter { !known.contains($0) }
    #expect(others.count > 190)
    for opcode in others { Contract.expectRefusal(Checkpoints.zip([0x80, 2, opcode]), "pickle.opcode", "\(opcode)") }
  }

  @Test("P13 nothing runs: the canary stays away")
  func canary() throws {
    try Contract.withDirectory { directory in
      let canary = directory + "/canary"
      for (module, name) in [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("subprocess", "run")] {
        let pickle = PickleAssembler.make { pickle in
          pickle.global(module, name)
          pickle.text(name == "eval" ? "open('\(canary)','w')" : "touch \(canary)")
          pickle.raw([0x85])
          pickle.raw("R.")
        }
        let bytes = Checkpoints.zip(pickle)
        Contract.expectRefusal(bytes, "pickle.global")
        let error = #expect(throws: EVSSMError.self) { try Contract.read(bytes) }
        #expect(error?.message.contains("\(module).\(name)") == true)
        #expect(error?.place.byteOffset == UInt64(30 + "archive/data.pkl".utf8.count + 2))
      }
      #expect(!FileManager.default.fileExists(atPath: canary))
    }
  }

  @Test("P14 STACK_GLOBAL of listed names, in a frame")
  func stackGlobal() throws {
    var body = PickleAssembler()
    body.bytes = []
    body.raw("}")
    body.text("w")
    body.text("torch._utils")
    body.text("_rebuild_tensor_v2")
    body.raw([0x93, 0x94])
    body.raw("(")
    body.storage()
    body.int(0)
    body.ints([2, 3])
    body.ints([3, 1])
    body.raw([0x89])
    body.orderedDict()
    body.raw("tRs.")
    var pickle: [UInt8] = [0x80, 4, 0x95]
    pickle.put64(UInt64(body.bytes.count))
    #expect(try Contract.read(Checkpoints.zip(pickle + body.bytes)).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("P28 2^40 logical elements by sharing are never walked")
  func billionLaughs() throws {
    func laugh(_ pickle: inout PickleAssembler) {
      pickle.raw("]")
      for _ in 0..<40 {
        pickle.raw([0x32, 0x86])
      }
    }
    let checkpoint = try Contract.read(Checkpoints.zip(PickleAssembler.beside(laugh)))
    #expect(checkpoint.catalogue.count == 1)
    #expect(checkpoint.report.skipped == ["extra"])
    let bare = PickleAssembler.make { pickle in
      laugh(&pickle)
      pickle.raw(".")
    }
    Contract.expectRefusal(Checkpoints.zip(bare), "torch.no-state-dict")
  }

  @Test("P34 NaN and infinity in metadata")
  func specialFloats() throws {
    for value in [Double.nan, .infinity, -.infinity, -0.0] {
      let bytes = Checkpoints.zip(PickleAssembler.beside { $0.float(value) })
      #expect(try Contract.read(bytes).catalogue["w"]?.floats() == Checkpoints.values)
    }
  }

  @Test("P35 scalars, lists and optimizer states are passed over")
  func otherValues() throws {
    let bytes = Checkpoints.zip(
      PickleAssembler.beside { pickle in
        pickle.raw("}(")
        pickle.int(0)
        pickle.raw("](K\u{1}K\u{2}e")
        pickle.text("betas")
        pickle.float(0.9)
        pickle.float(0.99)
        pickle.raw([0x86])
        pickle.raw("N")
        pickle.raw([0x88])
        pickle.text("lr")
        pickle.float(1e-3)
        pickle.text("moments")
        pickle.tensor()
        pickle.raw("u")
      })
    let checkpoint = try Contract.read(bytes)
    #expect(checkpoint.catalogue.names == ["w"])
    #expect(checkpoint.report.skipped == ["extra"])
  }

  @Test("P36 wrappers and prefixes", arguments: WrapperCase.all)
  func wrappers(_ wrapping: WrapperCase) throws {
    let checkpoint = try Contract.read(Checkpoints.zip(wrapping.pickle), key: wrapping.key)
    #expect(checkpoint.report.wrapper == wrapping.wrapper)
    #expect(checkpoint.report.strippedPrefix == wrapping.prefix)
    #expect(checkpoint.catalogue["w"]?.floats() == wrapping.values)
  }

  @Test("P36 a key that leads nowhere, and a choice that is not ours, list the keys")
  func keys() throws {
    let two = WrapperCase.dictionary([("net_g", .tensors("w", 0)), ("net_d", .tensors("w", 0))])
    Contract.expectRefusal(Checkpoints.zip(two), "torch.no-state-dict")
    let ambiguous = #expect(throws: EVSSMError.self) { try Contract.read(Checkpoints.zip(two)) }
    #expect(ambiguous?.message.contains("net_g, net_d") == true)
    Contract.expectRefusal(Checkpoints.zip(two), "torch.key", key: "params")
    let wrong = #expect(throws: EVSSMError.self) { try Contract.read(Checkpoints.zip(two), key: "params") }
    #expect(wrong?.message.contains("net_g (dict), net_d (dict)") == true)
  }
}

/// A checkpoint whose tensors stand under some keys.
struct WrapperCase: Sendable, CustomTestStringConvertible {
  indirect enum Node: Sendable {
    /// A dict with a tensor of that name: elements `first` to `first + 1` of the storage.
    case tensors(String, Int)
    case dictionary([(String, Node)])
    case none
  }

  var pickle: [UInt8]
  var wrapper: String
  var prefix: String?
  var key: String?
  var first = 0

  var values: [Float] { Array(Checkpoints.values[first..<first + 2]) }
  var testDescription: String { "\(wrapper) \(prefix ?? "") \(key ?? "")" }

  static func dictionary(_ entries: [(String, Node)]) -> [UInt8] {
    PickleAssembler.make { pickle in
      append(.dictionary(entries), &pickle)
      pickle.raw(".")
    }
  }

  private static func append(_ node: Node, _ pickle: inout PickleAssembler) {
    switch node {
    case .none: pickle.raw("N")
    case .tensors(let name, let first):
      pickle.orderedDict()
      pickle.text(name)
      pickle.tensor(.init(offset: first, shape: [2], strides: [1]))
      pickle.raw("s")
    case .dictionary(let entries):
      pickle.raw("}")
      for (key, value) in entries {
        pickle.text(key)
        append(value, &pickle)
        pickle.raw("s")
      }
    }
  }

  private static func bare(_ name: String) -> [UInt8] {
    PickleAssembler.make { pickle in
      append(.tensors(name, 0), &pickle)
      pickle.raw(".")
    }
  }

  static let all: [WrapperCase] = [
    .init(pickle: bare("w"), wrapper: "bare"),
    .init(pickle: bare("module.w"), wrapper: "bare", prefix: "module."),
    .init(pickle: dictionary([("params", .tensors("w", 0))]), wrapper: "params"),
    .init(
      pickle: dictionary([("params", .tensors("w", 0)), ("params_ema", .tensors("w", 2))]), wrapper: "params_ema",
      first: 2),
    .init(
      pickle: dictionary([("params", .tensors("w", 0)), ("params_ema", .tensors("w", 2))]), wrapper: "params",
      key: "params"),
    .init(pickle: dictionary([("params_ema", .none), ("params", .tensors("w", 1))]), wrapper: "params", first: 1),
    .init(
      pickle: dictionary([("state_dict", .tensors("module.w", 3))]), wrapper: "state_dict", prefix: "module.",
      first: 3),
    .init(pickle: dictionary([("model", .tensors("w", 0)), ("epoch", .none)]), wrapper: "model"),
    .init(
      pickle: dictionary([("model", .dictionary([("state_dict", .tensors("w", 4))]))]), wrapper: "model.state_dict",
      first: 4),
    .init(
      pickle: dictionary([("net_g", .dictionary([("params", .tensors("w", 0))])), ("iter", .none)]),
      wrapper: "net_g.params"),
    .init(
      pickle: dictionary([("a", .dictionary([("b", .tensors("w", 1))])), ("c", .tensors("w", 0))]), wrapper: "a.b",
      key: "a.b", first: 1),
    .init(
      pickle: dictionary([("a.b", .tensors("w", 1)), ("c", .tensors("w", 0))]), wrapper: "a.b", key: "a.b", first: 1),
  ]
}
