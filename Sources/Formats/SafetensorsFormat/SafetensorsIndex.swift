import JSON
import Tensors

/// A `model.safetensors.index.json`: which shard, a file beside the index, holds which tensor.
struct SafetensorsIndex {
  private var shardOfTensor: [String: String] = [:]
  /// In the order of the index.
  private var names: [String] = []
  private var totalSize: Int?

  /// Whether the content starts as a JSON object. A safetensors file cannot: its length would be over any limit.
  static func canRead(prefix: [UInt8]) -> Bool {
    guard let first = prefix.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }), first == 0x7B else {
      return false
    }
    // A length field that is all white space and braces is over 2^56.
    return prefix.count < 8 || prefix[7] != 0
  }

  static func read(_ file: borrowing InputFile) throws -> SafetensorsFile {
    try Limits.check(
      file.byteCount, atMost: Limits.maxSafetensorsIndexBytes, name: "max_safetensors_index",
      "The size of the index in bytes")
    let index = try file.allBytes().withUnsafeBytes { try SafetensorsIndex($0) }
    return try index.load(directory: directory(of: file.path))
  }

  private static func directory(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
  }

  private init(_ text: UnsafeRawBufferPointer) throws {
    var scanner = JSONScanner(text)
    var seen: Set<String> = []
    try scanner.object { scanner, key in
      guard seen.insert(key).inserted else {
        throw scanner.error("safetensors.duplicate-name", "The index has \"\(EVSSMError.escaped(key))\" twice.")
      }
      switch key {
      case "metadata": try readMetadata(&scanner)
      case "weight_map": try readMap(&scanner)
      default:
        throw scanner.error(
          "safetensors.index",
          "The index has a member \"\(EVSSMError.escaped(key))\"; it takes metadata and weight_map.")
      }
    }
    try scanner.expectEnd()
    if !seen.contains("weight_map") {
      throw EVSSMError("safetensors.index", "The JSON text has no weight_map. Give a safetensors file or its index.")
    }
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner) throws {
    var seen: Set<String> = []
    try scanner.object { scanner, key in
      guard seen.insert(key).inserted else {
        throw scanner.error(
          "safetensors.duplicate-metadata", "The index's metadata has \"\(EVSSMError.escaped(key))\" twice.")
      }
      if key == "total_size" { totalSize = try scanner.integer() } else { try scanner.skipScalar() }
    }
  }

  private mutating func readMap(_ scanner: inout JSONScanner) throws {
    try scanner.object { scanner, name in
      try Limits.check(
        names.count + 1, atMost: Limits.maxTensorCount, name: "max_tensor_count", "The number of tensors in the index")
      try TensorName.check(name)
      let shard = try scanner.string()
      try Self.checkShardName(shard)
      guard shardOfTensor.updateValue(shard, forKey: name) == nil else {
        throw scanner.error("safetensors.duplicate-name", "The index names the tensor \"\(name)\" twice.")
      }
      names.append(name)
    }
  }

  /// A shard is a plain file name, so nothing outside the index's directory is ever opened.
  private static func checkShardName(_ name: String) throws {
    let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x5C }
    guard isPlain, name.utf8.count <= 255, !name.hasPrefix("."), name.hasSuffix(".safetensors") else {
      throw EVSSMError(
        "safetensors.shard-name",
        "\"\(EVSSMError.escaped(name))\" is not the name of a .safetensors file beside the index.")
    }
  }

  private func load(directory: String) throws -> SafetensorsFile {
    let shards = Set(shardOfTensor.values).sorted()
    try Limits.check(
      shards.count, atMost: Limits.maxSafetensorsShards, name: "max_safetensors_shards", "The number of shards")
    var all = TensorCatalogue()
    var metadata: [String: String] = [:]
    var report = SafetensorsFile.Report(fileCount: 0, headerByteCount: 0, dataByteCount: 0, isDataAligned: true)
    for shard in shards {
      let file = try readShard(shard, directory: directory)
      for name in file.catalogue.names { if let tensor = file.catalogue[name] { try all.append(name, tensor) } }
      metadata.merge(file.metadata) { first, _ in first }
      report.add(file.report)
    }
    try checkTotalSize(report.dataByteCount)
    return SafetensorsFile(catalogue: try ordered(all), metadata: metadata, report: report)
  }

  private func readShard(_ shard: String, directory: String) throws -> SafetensorsFile {
    let path = directory + shard
    do {
      let file = try SafetensorsFile.read(InputFile(path, followsLink: false))
      for name in file.catalogue.names where shardOfTensor[name] != shard {
        throw EVSSMError(
          "safetensors.shard-mismatch",
          "This shard holds a tensor that the index puts \(shardOfTensor[name].map { "into \($0)" } ?? "nowhere").",
          place: .init(node: name))
      }
      return file
    } catch let error as EVSSMError { throw error.at(.init(file: path)) }
  }

  private func checkTotalSize(_ byteCount: Int) throws {
    guard let totalSize, totalSize != byteCount else { return }
    throw EVSSMError(
      "safetensors.total-size", "The index says the tensors have \(totalSize) bytes, but the shards hold \(byteCount).")
  }

  private func ordered(_ tensors: TensorCatalogue) throws -> TensorCatalogue {
    var out = TensorCatalogue()
    for name in names {
      guard let tensor = tensors[name] else {
        throw EVSSMError(
          "safetensors.missing-tensor", "The index names a tensor that its shard does not hold.",
          place: .init(node: name))
      }
      try out.append(name, tensor)
    }
    return out
  }
}

extension SafetensorsFile.Report {
  fileprivate mutating func add(_ other: Self) {
    fileCount += other.fileCount
    headerByteCount += other.headerByteCount
    dataByteCount += other.dataByteCount
    isDataAligned = isDataAligned && other.isDataAligned
  }
}
