import Foundation
import Tensors

/// One picture to restore: where it comes from and where it goes.
struct RunItem: Hashable {
  let input: String
  let output: String
}

/// What the command line of `run` asks for.
struct RunItems {
  let items: [RunItem]
  /// The folder of the results; nil for a single file.
  let folder: String?

  /// Lays out inputs and outputs. Nothing is created or read, but folders are listed.
  ///
  /// A single file with an output that is neither a folder nor named like one (`out/`) is written to that path. In all
  /// other cases the output is a folder and names are kept; folders among the inputs stand for the pictures in them.
  /// - Throws: `run.output` for outputs that cannot be, `run.same-name` when two results would have one name,
  ///   `run.empty-folder`, `output.is-input`.
  init(inputs: [String], output: String) throws {
    if inputs.count == 1, let input = inputs.first, !OutputPath.isDirectory(input), !Self.isFolder(output) {
      try Self.checkName(output)
      folder = nil
      items = [RunItem(input: input, output: output)]
    } else {
      folder = output
      items = try inputs.flatMap(Self.files).map {
        RunItem(input: $0, output: Self.path(output, OutputPath.fileName($0)))
      }
      try Self.checkFolder(output)
      try Self.checkNames(items)
    }
    for item in items { try OutputPath.check(item.output, isNoneOf: items.map(\.input)) }
  }

  private static func isFolder(_ output: String) -> Bool { output.hasSuffix("/") || OutputPath.isDirectory(output) }

  static func path(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  private static func files(_ input: String) throws -> [String] {
    guard OutputPath.isDirectory(input) else { return [input] }
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: input) } catch {
      throw EVSSMError(
        "run.unreadable-folder", "The folder cannot be listed.", category: .noInput, place: .init(file: input))
    }
    let pictures = names.filter { PictureData.extensions.contains(OutputPath.fileExtension($0)) }.sorted()
    if pictures.isEmpty {
      throw EVSSMError(
        "run.empty-folder", "The folder holds no .png, .jpg, .jpeg or .npy file.", category: .noInput,
        place: .init(file: input))
    }
    return pictures.map { path(input, $0) }
  }

  private static func checkName(_ output: String) throws {
    if PictureData.extensions.contains(OutputPath.fileExtension(output)) { return }
    throw EVSSMError(
      "run.output", "The output's name must end in .png, .jpg, .jpeg or .npy, or in / for a folder.", category: .usage,
      place: .init(file: output, option: "--output"))
  }

  private static func checkFolder(_ output: String) throws {
    guard OutputPath.exists(output), !OutputPath.isDirectory(output) else { return }
    throw EVSSMError(
      "run.output", "Several pictures need a folder as output; this is a file.", category: .usage,
      place: .init(file: output, option: "--output"))
  }

  private static func checkNames(_ items: [RunItem]) throws {
    var inputs: [String: String] = [:]
    for item in items {
      guard let other = inputs.updateValue(item.input, forKey: item.output) else { continue }
      throw EVSSMError(
        "run.same-name",
        "\(EVSSMError.escaped(other)) and \(EVSSMError.escaped(item.input)) would be written to one file. "
          + "Run them apart.", category: .usage, place: .init(file: item.output))
    }
  }
}
