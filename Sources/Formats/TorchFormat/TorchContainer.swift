import Tensors

/// What a container gives: the object that was saved, and the bytes of its storages on demand.
protocol TorchContainer {
  var file: InputFile { get }
  /// `zip` or `legacy`.
  var name: String { get }
  var byteOrder: TorchCheckpoint.ByteOrder { get }
  var root: PickleValue { get }
  var heap: PickleHeap { get }
  /// The pickle's bytes, to which texts refer.
  var source: PickleSource { get }
  /// Records or storages in the file, used or not.
  var recordCount: Int { get }

  /// Reads bytes `range` of a whole storage. Checks the whole record against its checksum where there is one.
  func read(_ storage: PickledStorage, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws
}

extension TorchContainer {
  func text(_ range: PickleRange) -> String { String(decoding: source.bytes[range.indices], as: UTF8.self) }
}
