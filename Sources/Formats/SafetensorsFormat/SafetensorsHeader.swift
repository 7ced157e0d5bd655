import JSON
import Tensors

/// One tensor as the header describes it; offsets in bytes from the start of the data.
struct SafetensorsEntry {
  var name: String
  var dtype: DType
  var shape: [Int]
  var begin: Int
  var end: Int
}

/// The JSON header of a safetensors file, parsed and checked against the size of the data.
struct SafetensorsHeader {
  /// In the order of the header.
  private(set) var entries: [SafetensorsEntry] = []
  private(set) var metadata: [String: String] = [:]

  /// - Parameter text: the JSON text. It starts at byte 8 of the file.
  /// - Complexity: O(text + tensors · log tensors), one copy of the strings.
  init(_ text: UnsafeRawBufferPointer, dataByteCount: Int) throws {
    var scanner = JSONScanner(text, fileOffset: 8)
    var seen: Set<String> = []
    try scanner.object { scanner, key in
      guard seen.insert(key).inserted else {
        throw scanner.error(
          "safetensors.duplicate-name", "The header has the key \"\(EVSSMError.escaped(key))\" twice.")
      }
      if key == "__metadata__" { try readMetadata(&scanner) } else { try readEntry(&scanner, name: key) }
    }
    try scanner.expectEnd()
    try checkCoverage(dataByteCount)
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner) throws {
    try scanner.object { scanner, key in
      guard metadata.updateValue(try scanner.string(), forKey: key) == nil else {
        throw scanner.error(
          "safetensors.duplicate-metadata", "__metadata__ has the key \"\(EVSSMError.escaped(key))\" twice.")
      }
    }
  }

  private mutating func readEntry(_ scanner: inout JSONScanner, name: String) throws {
    do {
      if entries.count == Limits.maxTensorCount {
        throw scanner.error(
          "limit.exceeded", "The header names more than \(Limits.maxTensorCount) tensors.", limit: "max_tensor_count")
      }
      try TensorName.check(name)
      var fields = EntryFields()
      try scanner.object { try fields.read(&$0, key: $1) }
      entries.append(try fields.entry(name))
    } catch let error as EVSSMError {
      throw error.at(.init(byteOffset: UInt64(8 + scanner.position), node: name))
    }
  }

  private func coverageError(_ entry: SafetensorsEntry, _ reached: Int) -> EVSSMError {
    let overlaps = entry.begin < reached
    return EVSSMError(
      overlaps ? "safetensors.overlap" : "safetensors.hole",
      "This tensor's data, at \(entry.begin)..<\(entry.end), \(overlaps ? "overlaps" : "leaves a hole after") "
        + "the tensor before it, which ends at \(reached).",
      place: .init(node: entry.name))
  }

  /// Every byte of the data belongs to exactly one tensor: no overlap, no hole, nothing after the last one.
  private func checkCoverage(_ dataByteCount: Int) throws {
    var reached = 0
    // Sorted as numbers: moving the entries themselves would cost several times the parsing.
    let places = entries.enumerated().map { (begin: $1.begin, end: $1.end, index: $0) }
    for place in places.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      if place.begin != reached { throw coverageError(entries[place.index], reached) }
      reached = place.end
    }
    guard reached == dataByteCount else {
      throw EVSSMError(
        reached < dataByteCount ? "safetensors.trailing-bytes" : "safetensors.truncated",
        "The tensors end at byte \(reached) of the data and the file holds \(dataByteCount) bytes of data. "
          + "Copy or download the file again.")
    }
  }
}

/// The members of one tensor's object.
private struct EntryFields {
  private var dtype: DType?
  private var shape: [Int]?
  private var offsets: [Int]?

  mutating func read(_ scanner: inout JSONScanner, key: String) throws {
    switch key {
    case "dtype" where dtype == nil: dtype = try Self.dtype(try scanner.string())
    case "shape" where shape == nil: shape = try scanner.integers(atMost: Limits.maxRank, limit: "max_rank")
    case "data_offsets" where offsets == nil:
      offsets = try scanner.integers(atMost: 2, limit: "safetensors_data_offsets")
    case "dtype", "shape", "data_offsets":
      throw scanner.error("safetensors.duplicate-field", "The tensor has \"\(key)\" twice.")
    default:
      throw scanner.error(
        "safetensors.unknown-field",
        "The tensor has a field \"\(EVSSMError.escaped(key))\" that the format does not define. Remove it.")
    }
  }

  private static func dtype(_ name: String) throws -> DType {
    if let dtype = DType(safetensorsName: name) { return dtype }
    if DType.unreadSafetensorsNames.contains(name) {
      throw EVSSMError(
        "safetensors.unsupported-dtype", "Tensors of type \(name) are not read. Convert them to F32, BF16 or F16.")
    }
    throw EVSSMError("safetensors.bad-dtype", "The format has no type \"\(EVSSMError.escaped(name))\".")
  }

  func entry(_ name: String) throws -> SafetensorsEntry {
    guard let dtype, let shape, let offsets, offsets.count == 2 else {
      throw EVSSMError("safetensors.missing-field", "A tensor needs dtype, shape and two data_offsets.")
    }
    for size in shape where size > Limits.maxDimension {
      try Limits.check(size, atMost: Limits.maxDimension, name: "max_dimension", "A dimension")
    }
    let byteCount = try Checked.multiply(Checked.product(shape), dtype.byteCount, "The size of a tensor")
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end, end - begin == byteCount else {
      throw EVSSMError(
        "safetensors.size-mismatch",
        "A \(dtype.safetensorsName) tensor of shape \(shape) takes \(byteCount) bytes; its data_offsets are \(offsets)."
      )
    }
    return SafetensorsEntry(name: name, dtype: dtype, shape: shape, begin: begin, end: end)
  }
}
