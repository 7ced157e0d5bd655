import Foundation
import Tensors

/// One picture to restore: where it comes from and where it goes.
struct RunItem: Hashable {
  let input: String
  let output: String
  /// Where input and result go side by side.
  var comparison: String?

  /// Whether values of float32 are wanted, before or after: else a picture of 8 bits is restored where its samples lie.
  var needsPlanes: Bool { comparison != nil || OutputPath.isArray(output) }
}

/// What the command line of `run` asks for.
struct RunItems {
  private(set) var items: [RunItem]
  /// The folder of the results; nil for a single file.
  let folder: String?
  /// The folder of the comparisons; nil for a single file, or without any.
  private(set) var comparisonFolder: String?

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

  /// Lays out the pictures of `--compare`, as the results are laid out; beside a .npy result goes a .png.
  /// - Throws: `run.output`, `run.same-name`, `output.is-input`.
  mutating func addComparisons(_ path: String) throws {
    if folder == nil, !Self.isFolder(path) {
      guard ["png", "jpg", "jpeg"].contains(OutputPath.fileExtension(path)) else {
        throw EVSSMError(
          "run.output", "The comparison's name must end in .png, .jpg or .jpeg, or in / for a folder.",
          category: .usage, place: .init(file: path, option: "--compare"))
      }
      items[0].comparison = path
    } else {
      try Self.checkFolder(path, option: "--compare")
      comparisonFolder = path
      for index in items.indices {
        let name = OutputPath.fileName(items[index].output)
        let isPicture = OutputPath.fileExtension(name) != "npy"
        items[index].comparison = Self.path(path, isPicture ? name : name + ".png")
      }
    }
    try checkComparisons()
  }

  private func checkComparisons() throws {
    let taken = Set(items.map(\.output))
    for item in items {
      guard let comparison = item.comparison else { continue }
      try OutputPath.check(comparison, isNoneOf: items.map(\.input))
      guard taken.contains(comparison) else { continue }
      throw EVSSMError(
        "run.same-name", "The result and the comparison would be written to one file. Choose another path.",
        category: .usage, place: .init(file: comparison, option: "--compare"))
    }
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

  private static func checkFolder(_ output: String, option: String = "--output") throws {
    guard OutputPath.exists(output), !OutputPath.isDirectory(output) else { return }
    throw EVSSMError(
      "run.output", "Several pictures need a folder as output; this is a file.", category: .usage,
      place: .init(file: output, option: option))
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
