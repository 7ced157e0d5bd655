import EVSSMModel
import JSON
import ModelCompiler
import Tensors

/// A checkpoint's container, network and tensors.
struct CheckpointInspection: Inspection {
  private let checkpoint: Checkpoint
  private let size: PictureSize
  private let architecture: EVSSMArchitecture?
  /// Why the checkpoint is not EVSSM's: one line, then the difference.
  private let difference: EVSSMError?

  init(_ checkpoint: Checkpoint, size: PictureSize) {
    self.checkpoint = checkpoint
    self.size = size
    do throws(EVSSMError) {
      architecture = try EVSSMArchitecture.recognised(checkpoint.catalogue)
      difference = nil
    } catch {
      architecture = nil
      difference = error
    }
  }

  private var multiplyAdds: Int? {
    try? architecture?.multiplyAdds(height: size.height, width: size.width)
  }

  var json: JSONValue {
    .object(
      [
        ("kind", "checkpoint"),
        ("container", .string(checkpoint.container)),
        ("wrapper", JSONValue(checkpoint.wrapper)),
        ("stripped_prefix", JSONValue(checkpoint.strippedPrefix)),
        ("skipped_keys", JSONValue(checkpoint.skipped)),
        ("architecture", architecture == nil ? nil : "EVSSM"),
      ] + hyperparameters + [
        ("parameters", .integer(checkpoint.elementCount)),
        ("dtype", JSONValue(checkpoint.dtypeName)),
        ("tensor_bytes", .integer(checkpoint.catalogue.byteCount)),
        ("cost", cost),
        ("difference", JSONValue(difference?.message)),
        ("tensors", .array(checkpoint.catalogue.names.map(tensor))),
      ])
  }

  private var hyperparameters: [(name: String, value: JSONValue)] {
    [
      ("dim", JSONValue(architecture?.dim)),
      ("blocks", architecture.map { JSONValue($0.blocks) } ?? nil),
      ("expansion", JSONValue(architecture?.expansion)),
      ("hidden", architecture.map { JSONValue($0.hidden) } ?? nil),
      ("rank", architecture.map { JSONValue($0.rank) } ?? nil),
      ("down_kernels", architecture.map { JSONValue($0.downKernels) } ?? nil),
      ("up_kernels", architecture.map { JSONValue($0.upKernels) } ?? nil),
    ]
  }

  private var cost: JSONValue {
    guard let multiplyAdds else { return nil }
    return ["width": .integer(size.width), "height": .integer(size.height), "macs": .integer(multiplyAdds)]
  }

  private func tensor(_ name: String) -> JSONValue {
    guard let tensor = checkpoint.catalogue[name] else { return nil }
    return [
      "name": .string(name), "dtype": .string(tensor.dtype.rawValue), "shape": JSONValue(tensor.shape),
      "bytes": .integer(tensor.byteCount),
    ]
  }

  var lines: [String] {
    var table = TextTable(.left, .left)
    table.append("file", EVSSMError.escaped(checkpoint.path))
    table.append("container", checkpoint.summary)
    if !checkpoint.skipped.isEmpty { table.append("passed over", checkpoint.skipped.joined(separator: ", ")) }
    table.append("architecture", architecture == nil ? "not recognised" : "EVSSM")
    if let architecture { Self.describe(architecture, in: &table) }
    table.append("parameters", Format.grouped(checkpoint.elementCount))
    table.append("dtype", checkpoint.dtypeName ?? "none")
    table.append("size", Format.bytes(checkpoint.catalogue.byteCount))
    if let multiplyAdds { table.append("cost", "\(Format.fixed(Double(multiplyAdds) * 1e-9, 1)) GMAC at \(size)") }
    table.append("tensors", Format.grouped(checkpoint.catalogue.count))
    return table.lines() + tensorLines + (difference.map { ["", $0.message] } ?? [])
  }

  private static func describe(_ architecture: EVSSMArchitecture, in table: inout TextTable) {
    func list(_ values: [Int]) -> String { values.map(String.init).joined(separator: ", ") }
    table.append("dim", String(architecture.dim))
    table.append("blocks", list(architecture.blocks))
    let hidden = "hidden channels \(list(architecture.hidden))"
    table.append("expansion", architecture.expansion.map(Self.shortest) ?? hidden)
    table.append("resampling", "kernels \(list(architecture.downKernels)) down, \(list(architecture.upKernels)) up")
  }

  private static func shortest(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : String(value)
  }

  private var tensorLines: [String] {
    var table = TextTable(.left, .left, .left)
    for name in checkpoint.catalogue.names {
      guard let tensor = checkpoint.catalogue[name] else { continue }
      table.append(EVSSMError.escaped(name), tensor.dtype.rawValue, Format.shape(tensor.shape))
    }
    return table.lines(indent: 2)
  }
}
