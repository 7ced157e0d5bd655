import Foundation
import Tensors
import TestSupport
import Testing

@testable import TorchFormat
@testable import ZipFormat

/// Group T of the catalogue of hostile inputs: the tensors of a checkpoint.
@Suite struct TensorTests {
  @Test(arguments: TensorCases.layouts + TensorCases.storages + TensorCases.kinds)
  func refused(_ hostile: HostileCase) { hostile.check() }

  private func read(_ knobs: PickledTensorKnobs, _ record: [UInt8] = Checkpoints.record) throws -> Tensor {
    try #require(try Contract.read(Checkpoints.zip(PickleAssembler.single(knobs), [("0", record)])).catalogue["w"])
  }

  @Test("T19 overlapping strides, when small")
  func overlap() throws {
    let tensor = try read(.init(shape: [4, 3], strides: [1, 1]))
    #expect(tensor.shape == [4, 3])
    let values = Checkpoints.values
    #expect(tensor.floats() == (0..<4).flatMap { Array(values[$0..<$0 + 3]) })
  }

  @Test("T18 stride 0, when small")
  func broadcast() throws {
    #expect(try read(.init(offset: 1, shape: [2, 3], strides: [0, 0])).floats() == [Float](repeating: 1.5, count: 6))
  }

  @Test("T20 1,000 tensors over one storage")
  func shared() throws {
    let pickle = PickleAssembler.params { pickle in
      for index in 0..<1000 {
        pickle.text("w\(index)")
        pickle.tensor()
      }
    }
    let checkpoint = try Contract.read(Checkpoints.zip(pickle))
    #expect(checkpoint.catalogue.count == 1000)
    #expect(checkpoint.report.storageCount == 1)
    #expect(checkpoint.report.storageByteCount == 24)
    let first = try #require(checkpoint.catalogue["w0"])
    #expect(checkpoint.catalogue.names.allSatisfy { checkpoint.catalogue[$0]?.storage === first.storage })
  }

  @Test("T21 a 1-element view of a storage of 2 GiB holds 4 bytes")
  func smallView() throws {
    let count = 1 << 29
    let pickle = PickleAssembler.single(.init(count: count, offset: count / 2, shape: [1], strides: [1]))
    try Contract.withDirectory { directory in
      let path = directory + "/model.pth"
      try SparseZeros.write(pickle, byteCount: 4 * count, to: path)
      let checkpoint = try Contract.read(path: path)
      #expect(checkpoint.catalogue["w"]?.floats() == [0])
      #expect(checkpoint.report.storageByteCount == 4)
    }
  }

  @Test("T22 transposed")
  func transposed() throws {
    let tensor = try read(.init(shape: [3, 2], strides: [1, 3]))
    #expect(tensor.floats() == [0, 3.25, 1.5, -4, -2, 5])
  }

  @Test("T22 channels last")
  func channelsLast() throws {
    let values = (0..<48).map(Float.init)
    let tensor = try read(.init(count: 48, shape: [2, 3, 4, 2], strides: [24, 1, 6, 3]), .floats(values))
    var expected: [Float] = []
    for n in 0..<2 {
      for c in 0..<3 {
        for pixel in 0..<8 { expected.append(values[n * 24 + c + pixel % 2 * 3 + pixel / 2 * 6]) }
      }
    }
    #expect(tensor.floats() == expected)
  }

  @Test("T22 dimensions of 1 with any stride stay views")
  func unitStrides() throws {
    let checkpoint = try Contract.read(
      Checkpoints.zip(PickleAssembler.single(.init(offset: 2, shape: [1, 4, 1], strides: [99, 1, 77]))))
    #expect(checkpoint.catalogue["w"]?.floats() == Array(Checkpoints.values[2...]))
    #expect(checkpoint.report.storageByteCount == 16)
  }

  @Test("T07 a stride of 2^63 - 1 on a dimension of 1 is never followed")
  func hugeUnitStride() throws {
    let tensor = try read(.init(offset: 1, shape: [2, 1, 2], strides: [1, .max, 2]))
    #expect(tensor.floats() == [1.5, 3.25, -2, -4])
  }

  @Test("A whole archive as a tensor's bytes does not mislead")
  func archiveInside() throws {
    let record = Checkpoints.good
    let tensor = try read(.init(type: "ByteStorage", count: record.count, shape: [record.count], strides: [1]), record)
    #expect(tensor.withUnsafeBytes { $0.elementsEqual(record) })
  }

  @Test("T23 zero-size dimensions", arguments: [[0], [0, 4], [3, 0, 2], [1 << 40, 0]])
  func empty(_ shape: [Int]) throws {
    let tensor = try read(.init(shape: shape, strides: shape.map { _ in 1 }))
    #expect(tensor.shape == shape)
    #expect(tensor.elementCount == 0)
  }

  @Test("T23 an empty storage")
  func emptyStorage() throws {
    #expect(try read(.init(count: 0, shape: [0], strides: [1]), []).elementCount == 0)
  }

  @Test("T24 0-d scalar")
  func scalar() throws {
    let tensor = try read(.init(offset: 5, shape: [], strides: []))
    #expect(tensor.shape == [])
    #expect(tensor.floats() == [5])
  }

  @Test(
    "T25 types with storages of their own",
    arguments: [
      ("FloatStorage", .float32), ("HalfStorage", .float16), ("BFloat16Storage", .bfloat16),
      ("DoubleStorage", .float64),
      ("CharStorage", .int8), ("ShortStorage", .int16), ("IntStorage", .int32), ("LongStorage", .int64),
      ("ByteStorage", .uint8), ("BoolStorage", .bool),
    ] as [(String, DType)])
  func types(_ storage: String, _ dtype: DType) throws {
    let count = 24 / dtype.byteCount
    let tensor = try read(.init(type: storage, count: count, shape: [count], strides: [1]))
    #expect(tensor.dtype == dtype)
    #expect(tensor.withUnsafeBytes { $0.elementsEqual(Checkpoints.record) })
    let reversed = try read(.init(type: storage, count: count, shape: [count / 3, 3], strides: [1, count / 3]))
    #expect(reversed.elementCount == count)
  }

  @Test("T25 big-endian numbers of each size", arguments: [("CharStorage", 1), ("HalfStorage", 2), ("LongStorage", 8)])
  func bigEndian(_ storage: String, _ size: Int) throws {
    let knobs = PickledTensorKnobs(type: storage, count: 24 / size, shape: [24 / size], strides: [1])
    let swapped = stride(from: 0, to: 24, by: size).flatMap { Checkpoints.record[$0..<$0 + size].reversed() }
    let entries = Checkpoints.entries(
      pickle: PickleAssembler.single(knobs), records: [("0", swapped)], byteOrder: "big")
    let tensor = try #require(try Contract.read(ZipBuilder(entries).build()).catalogue["w"])
    #expect(tensor.withUnsafeBytes { $0.elementsEqual(Checkpoints.record) })
  }

  @Test("T27 requires_grad and Parameter")
  func parameter() throws {
    var knobs = PickledTensorKnobs()
    knobs.requiresGrad = [0x88]
    #expect(try read(knobs).floats() == Checkpoints.values)
    let pickle = PickleAssembler.params { pickle in
      pickle.text("w")
      pickle.global("torch._utils", "_rebuild_parameter")
      pickle.raw("(")
      pickle.tensor()
      pickle.raw([0x88])
      pickle.orderedDict()
      pickle.raw("tR")
    }
    #expect(try Contract.read(Checkpoints.zip(pickle)).catalogue["w"]?.floats() == Checkpoints.values)
  }

  @Test("T28 _rebuild_tensor_v3 on an untyped storage", arguments: [DType.uint16, .uint32, .uint64, .float32])
  func version3(_ dtype: DType) throws {
    let tensor = try read(TensorCases.version3(dtype.rawValue, count: 24 / dtype.byteCount))
    #expect(tensor.dtype == dtype)
    #expect(tensor.withUnsafeBytes { $0.elementsEqual(Checkpoints.record) })
  }

  @Test("T29 device tags are ignored", arguments: ["cuda:99", "cuda:0", "mps", "xpu:1"])
  func devices(_ device: String) throws {
    var knobs = PickledTensorKnobs()
    knobs.storage.device = device
    #expect(try read(knobs).floats() == Checkpoints.values)
  }

  @Test("T30 NaN, infinities, denormals and -0 keep their bits")
  func specialValues() throws {
    let values: [Float] = [.nan, .infinity, -.infinity, .leastNonzeroMagnitude, -0.0, Float(bitPattern: 0x7FA0_0001)]
    let tensor = try read(.init(), .floats(values))
    #expect(tensor.floats().map(\.bitPattern) == values.map(\.bitPattern))
  }

  @Test("T31 names and shapes are handed on as they are, extra keys included")
  func namesAndShapes() throws {
    let pickle = PickleAssembler.params { pickle in
      pickle.text("output.wieght")
      pickle.tensor(.init(shape: [6], strides: [1]))
      pickle.text("step")
      pickle.int(3)
    }
    let checkpoint = try Contract.read(Checkpoints.zip(pickle))
    #expect(checkpoint.catalogue.names == ["output.wieght"])
    #expect(checkpoint.report.skipped == ["params.step"])
  }
}

/// An archive whose record `data/0` is zeros that take no room on the disk.
enum SparseZeros {
  static func write(_ pickle: [UInt8], byteCount: Int, to path: String) throws {
    var builder = ZipBuilder(Checkpoints.entries(pickle: pickle, records: [("0", [])]))
    // The zeros are the last entry's data: the directory after them is written with the offset it will have.
    builder.entries.swapAt(Checkpoints.dataIndex, builder.entries.count - 1)
    let last = builder.entries.count - 1
    for header in [\ZipBuilder.Entry.local, \.central] {
      builder.entries[last][keyPath: header].crc = CRC32.ofZeros(byteCount)
      builder.entries[last][keyPath: header].size = byteCount
      builder.entries[last][keyPath: header].compressedSize = byteCount
    }
    let end = ZipBuilder(builder.entries).build()
    let directoryStart = end.uint32(at: end.count - 6)
    builder.directoryOffset = directoryStart + byteCount
    let bytes = builder.build()
    try Data(bytes[..<directoryStart]).write(to: URL(fileURLWithPath: path))
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seek(toOffset: UInt64(directoryStart + byteCount))
    try handle.write(contentsOf: bytes[directoryStart...])
    try handle.close()
  }
}
