import Tensors

/// PyTorch's zip container (`torch.save` since 1.6), read and written.
package struct TorchZipFormat: CheckpointFormat {
  package let name = "zip"
  package let writtenExtensions = ["pth", "pt"]
  package let sniffedByteCount = TorchCheckpoint.sniffedByteCount

  package init() {}

  package func canRead(prefix: [UInt8]) -> Bool { TorchCheckpoint.isZip(prefix) }

  package func read(path: String, key: String?) throws -> Checkpoint {
    Checkpoint(path: path, try TorchCheckpoint.read(path: path, key: key))
  }

  package func write(_ catalogue: TensorCatalogue, to path: String) throws {
    try TorchCheckpoint.write(catalogue, to: path)
  }
}

/// PyTorch's container of before 1.6, which is only read.
package struct TorchLegacyFormat: CheckpointFormat {
  package let name = "legacy"
  package let sniffedByteCount = TorchCheckpoint.sniffedByteCount

  package init() {}

  package func canRead(prefix: [UInt8]) -> Bool {
    TorchCheckpoint.isLegacy(Array(prefix.prefix(sniffedByteCount)))
  }

  package func read(path: String, key: String?) throws -> Checkpoint {
    Checkpoint(path: path, try TorchCheckpoint.read(path: path, key: key))
  }
}

extension Checkpoint {
  fileprivate init(path: String, _ checkpoint: TorchCheckpoint) {
    let report = checkpoint.report
    self.init(
      path: path, container: report.container, title: "PyTorch, \(report.container) container",
      wrapper: report.wrapper, strippedPrefix: report.strippedPrefix, skipped: report.skipped,
      catalogue: checkpoint.catalogue)
  }
}
