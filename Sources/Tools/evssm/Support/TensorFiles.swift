import ArgumentParser
import ExecutionPlan
import Imaging
import NumpyArchives
import NumpyFormat
import Tensors

/// Tensors of a graph's inputs and outputs in .npy and .npz files.
enum TensorFiles {
  /// The tensors for the ports of a plan, in their order.
  ///
  /// - Parameters:
  ///   - named: files for single inputs, as `name=file.npy`.
  ///   - files: .npz files, whose arrays go to the inputs of their names, and .npy files, which go to the inputs left
  ///     over, in order.
  /// - Throws: `run.input` for names that are no inputs, given twice or missing; errors of the formats.
  static func inputs(_ ports: [TensorPort], named: [NamedFile], files: [String]) throws -> [Tensor] {
    var tensors: [String: Tensor] = [:]
    func give(_ name: String, _ tensor: Tensor, _ file: String) throws {
      guard ports.contains(where: { $0.name == name }) else {
        throw failure("The graph has no input \(EVSSMError.escaped(name)); it has \(list(ports)).", file)
      }
      guard tensors.updateValue(tensor, forKey: name) == nil else {
        throw failure("The input \(EVSSMError.escaped(name)) is given twice.", file)
      }
    }
    for item in named { try give(item.name, NumpyFile.readArray(path: item.path), item.path) }
    for file in files where isArchive(file) {
      for (name, tensor) in try NumpyArchive.read(path: file) { try give(name, tensor, file) }
    }
    var rest = ports.filter { tensors[$0.name] == nil }[...]
    for file in files where !isArchive(file) {
      guard let port = rest.popFirst() else { throw failure("There are more files than inputs.", file) }
      try give(port.name, NumpyFile.readArray(path: file), file)
    }
    if let port = rest.first { throw failure("The input \(port) is not given. Use --input name=file.npy.", nil) }
    return ports.compactMap { tensors[$0.name] }
  }

  private static func list(_ ports: [TensorPort]) -> String { ports.map(\.description).joined(separator: "; ") }

  private static func failure(_ message: String, _ file: String?) -> EVSSMError {
    EVSSMError("run.input", message, category: .usage, place: .init(file: file, option: "--input"))
  }

  static func isArchive(_ path: String) -> Bool { Paths.fileExtension(path) == "npz" }

  /// Writes outputs: all of them to a .npz, the only one to a .npy.
  ///
  /// Throws `run.output` when the name of the file does not fit, and errors of the formats.
  static func write(_ names: [String], _ tensors: [Tensor], to path: String) throws {
    if isArchive(path) { return try NumpyArchive.write(Array(zip(names, tensors)), to: path) }
    guard Paths.fileExtension(path) == "npy", tensors.count == 1 else {
      throw EVSSMError(
        "run.output",
        "A graph with \(tensors.count) outputs is written to a .npz file, the only output of one to .npz or .npy.",
        category: .usage, place: .init(file: path, option: "--output"))
    }
    try NumpyFile.write(tensors[0], to: path)
  }
}

/// `name=file` on the command line.
struct NamedFile: Sendable, ExpressibleByArgument {
  let name: String
  let path: String

  init?(argument: String) {
    guard let equals = argument.lastIndex(of: "=") else { return nil }
    name = String(argument[..<equals])
    path = String(argument[argument.index(after: equals)...])
    if name.isEmpty || path.isEmpty { return nil }
  }
}
