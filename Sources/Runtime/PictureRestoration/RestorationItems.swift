import Foundation
import Tensors

/// Pictures to restore, as inputs and an output lay them out: files, folders, and names that are kept.
public struct RestorationItems: Sendable {
  public private(set) var items: [RestorationItem]
  /// The folder of the results; nil for a single file.
  public let folder: String?
  /// The folder of the comparisons; nil for a single file, or without any.
  public private(set) var comparisonFolder: String?

  /// Lays out inputs and outputs. Nothing is created or read, but folders are listed.
  ///
  /// A single file with an output that is neither a folder nor named like one (`out/`) is written to that path. In all
  /// other cases the output is a folder and names are kept; folders among the inputs stand for the pictures in them.
  /// - Throws: `run.output` for outputs that cannot be, `run.same-name` when two results would have one name,
  ///   `run.empty-folder`, `output.is-input`.
  public init(inputs: [String], output: String) throws {
    if inputs.count == 1, let input = inputs.first, !Paths.isFolder(input), !Self.isFolder(output) {
      try Self.checkName(output)
      folder = nil
      items = [RestorationItem(input: input, output: output)]
    } else {
      folder = output
      items = try inputs.flatMap(Self.files).map {
        RestorationItem(input: $0, output: Paths.joined(output, Paths.fileName($0)))
      }
      try Self.checkFolder(output)
      try Self.checkNames(items)
    }
    for item in items { try Paths.check(item.output, isNoneOf: items.map(\.input)) }
  }

  /// Lays out the pictures of `--compare`, as the results are laid out; beside a .npy result goes a .png.
  /// - Throws: `run.output`, `run.same-name`, `output.is-input`.
  public mutating func addComparisons(_ path: String) throws {
    if folder == nil, !Self.isFolder(path) {
      guard ["png", "jpg", "jpeg"].contains(Paths.fileExtension(path)) else {
        throw EVSSMError(
          "run.output", "The comparison's name must end in .png, .jpg or .jpeg, or in / for a folder.",
          category: .usage, place: .init(file: path, option: "--compare"))
      }
      items[0].comparison = path
    } else {
      try Self.checkFolder(path, option: "--compare")
      comparisonFolder = path
      for index in items.indices {
        let name = Paths.fileName(items[index].output)
        let isPicture = Paths.fileExtension(name) != "npy"
        items[index].comparison = Paths.joined(path, isPicture ? name : name + ".png")
      }
    }
    try checkComparisons()
  }

  /// Makes the folders of the results and the comparisons, unless they are there. Throws `run.output`.
  public func makeFolders() throws {
    for folder in [folder, comparisonFolder].compactMap(\.self) { try PictureFile.makeFolder(folder) }
  }

  private func checkComparisons() throws {
    let taken = Set(items.map(\.output))
    for item in items {
      guard let comparison = item.comparison else { continue }
      try Paths.check(comparison, isNoneOf: items.map(\.input))
      guard taken.contains(comparison) else { continue }
      throw EVSSMError(
        "run.same-name", "The result and the comparison would be written to one file. Choose another path.",
        category: .usage, place: .init(file: comparison, option: "--compare"))
    }
  }

  private static func isFolder(_ output: String) -> Bool { output.hasSuffix("/") || Paths.isFolder(output) }

  private static func files(_ input: String) throws -> [String] {
    guard Paths.isFolder(input) else { return [input] }
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: input) } catch {
      throw EVSSMError(
        "run.unreadable-folder", "The folder cannot be listed.", category: .noInput, place: .init(file: input))
    }
    let pictures = names.filter { PictureData.extensions.contains(Paths.fileExtension($0)) }.sorted()
    if pictures.isEmpty {
      throw EVSSMError(
        "run.empty-folder", "The folder holds no .png, .jpg, .jpeg or .npy file.", category: .noInput,
        place: .init(file: input))
    }
    return pictures.map { Paths.joined(input, $0) }
  }

  private static func checkName(_ output: String) throws {
    if PictureData.extensions.contains(Paths.fileExtension(output)) { return }
    throw EVSSMError(
      "run.output", "The output's name must end in .png, .jpg, .jpeg or .npy, or in / for a folder.", category: .usage,
      place: .init(file: output, option: "--output"))
  }

  private static func checkFolder(_ output: String, option: String = "--output") throws {
    guard Paths.exists(output), !Paths.isFolder(output) else { return }
    throw EVSSMError(
      "run.output", "Several pictures need a folder as output; this is a file.", category: .usage,
      place: .init(file: output, option: option))
  }

  private static func checkNames(_ items: [RestorationItem]) throws {
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
