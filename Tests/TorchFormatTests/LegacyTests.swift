import Tensors
import TestSupport
import Testing
import TorchFormat

/// The container of PyTorch before 1.6. What is refused of it stands under Z47.
@Suite struct LegacyTests {
  @Test("Z47 a legacy file, and one whose tensor is a view")
  func legacy() throws {
    #expect(try Contract.read(Checkpoints.legacy()).catalogue["w"]?.floats() == Checkpoints.values)
    let part = PickledTensorKnobs(offset: 2, shape: [2, 2], strides: [1, 2])
    #expect(try Contract.read(Checkpoints.legacy(tensor: part)).catalogue["w"]?.floats() == [-2, -4, 3.25, 5])
  }

  @Test("Numbers of every width across the chunks in which a long pickle is read", arguments: 0..<8)
  func chunks(_ shift: Int) throws {
    var knobs = PickledTensorKnobs()
    knobs.storage.isLegacy = true
    let pickle = PickleAssembler.make { pickle in
      pickle.raw("}(")
      pickle.text("w")
      pickle.tensor(knobs)
      pickle.text("extra")
      pickle.raw("](" + String(repeating: "N", count: shift))
      for index in 0..<40_000 {
        pickle.int(1 << 40 + index % 7)
        pickle.float(0.5)
        pickle.raw([0x4D, 1, 2, 0x4A, 1, 2, 3, 4])
      }
      pickle.raw("eu.")
    }
    #expect(try Contract.read(Checkpoints.legacy(object: pickle)).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("View metadata of a storage: key, offset and size in elements")
  func views() throws {
    func pickle(_ offset: Int, _ size: Int) -> [UInt8] {
      PickleAssembler.params { pickle in
        pickle.text("w")
        pickle.global("torch._utils", "_rebuild_tensor")
        pickle.raw("((")
        pickle.text("storage")
        pickle.global("torch", "FloatStorage")
        pickle.text("0")
        pickle.text("cpu")
        pickle.int(6)
        pickle.raw("(")
        pickle.text("1")
        pickle.int(offset)
        pickle.int(size)
        pickle.raw("ttQ")
        pickle.int(1)
        pickle.ints([2])
        pickle.ints([1])
        pickle.raw("tR")
      }
    }
    #expect(try Contract.read(Checkpoints.legacy(object: pickle(2, 3))).catalogue["w"]?.floats() == [3.25, -4])
    Contract.expectRefusal(Checkpoints.legacy(object: pickle(2, 2)), "torch.tensor-range")
    Contract.expectRefusal(Checkpoints.legacy(object: pickle(4, 3)), "torch.storage-size")
    Contract.expectRefusal(Checkpoints.legacy(object: pickle(-1, 3)), "torch.storage-size")
    Contract.expectRefusal(Checkpoints.legacy(object: pickle(1 << 62, 3)), "size.overflow")
  }
}
