import Tensors

/// A single safetensors file, read and written.
package struct SafetensorsSingleFormat: CheckpointFormat {
  package let name = "safetensors"
  package let writtenExtensions = ["safetensors"]
  package let sniffedByteCount = 9

  package init() {}

  package func canRead(prefix: [UInt8]) -> Bool { SafetensorsFile.hasHeader(prefix) }

  package func read(path: String, key: String?) throws -> Checkpoint { try Checkpoint(safetensors: path, key: key) }

  package func write(_ catalogue: TensorCatalogue, to path: String) throws {
    try SafetensorsFile.write(catalogue, to: path)
  }
}

/// A `model.safetensors.index.json` and the shards that it names, which are only read.
package struct SafetensorsShardedFormat: CheckpointFormat {
  package let name = "safetensors index"
  package let sniffedByteCount = 9

  package init() {}

  package func canRead(prefix: [UInt8]) -> Bool { SafetensorsIndex.canRead(prefix: prefix) }

  package func read(path: String, key: String?) throws -> Checkpoint { try Checkpoint(safetensors: path, key: key) }
}

extension Checkpoint {
  fileprivate init(safetensors path: String, key: String?) throws {
    try Self.refuse(key: key, path: path, "A safetensors file")
    self.init(
      path: path, container: "safetensors", title: "safetensors",
      catalogue: try SafetensorsFile.read(path: path).catalogue)
  }
}
