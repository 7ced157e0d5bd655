import Foundation
import Tensors

/// A blurred picture and the sharp one that belongs to it.
package struct EvaluationPair: Sendable, Hashable {
  package let name: String
  package let input: String
  package let target: String
}

/// The pairs of a folder laid out as the authors lay out theirs: `input/` and `target/`, or these in its folder
/// `test/`.
package struct EvaluationPairs: Sendable {
  static let extensions = ["png", "jpg", "jpeg"]

  package let pairs: [EvaluationPair]
  /// Whether the names told which belong together; otherwise their order did.
  package let areMatchedByName: Bool

  /// Pictures belong together whose names are the same up to the extension. Where no name of the inputs is among those
  /// of the targets and there are as many of both, they belong together in the order of their names, numbers in them
  /// compared as numbers.
  /// - Throws: `eval.layout` without the two folders or without pictures in one of them, `eval.unpaired` for an input
  ///   without target, `eval.same-name` for two files of one name.
  package init(folder: String) throws {
    let test = Paths.joined(folder, "test")
    let isAbove = !Paths.isFolder(Paths.joined(folder, "input")) && Paths.isFolder(test)
    let root = isAbove ? test : folder
    let inputs = try Self.files(root, "input"), targets = try Self.files(root, "target")
    if inputs.count == targets.count, Set(inputs.keys).isDisjoint(with: targets.keys) {
      areMatchedByName = false
      pairs = zip(Self.sorted(inputs), Self.sorted(targets)).map {
        EvaluationPair(name: $0.key, input: $0.value, target: $1.value)
      }
      return
    }
    areMatchedByName = true
    pairs = try Self.sorted(inputs).map { name, input in
      guard let target = targets[name] else {
        throw EVSSMError(
          "eval.unpaired", "The folder target/ has no picture named \(EVSSMError.escaped(name)).",
          place: .init(file: input))
      }
      return EvaluationPair(name: name, input: input, target: target)
    }
  }

  private static func sorted(_ files: [String: String]) -> [(key: String, value: String)] {
    files.sorted { $0.key.compare($1.key, options: [.numeric, .literal]) == .orderedAscending }
  }

  /// The pictures of a folder, by their names without extensions.
  private static func files(_ folder: String, _ part: String) throws -> [String: String] {
    let path = Paths.joined(folder, part)
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw EVSSMError(
        "eval.layout", "The folder has to hold the folders input/ and target/; \(part)/ cannot be listed.",
        category: .noInput, place: .init(file: folder, option: "--data"))
    }
    var files: [String: String] = [:]
    for name in names.sorted() where extensions.contains(Paths.fileExtension(name)) {
      let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
      guard files.updateValue(Paths.joined(path, name), forKey: stem) == nil else {
        throw EVSSMError(
          "eval.same-name", "Two pictures are named \(EVSSMError.escaped(stem)). Keep one of them.",
          place: .init(file: path))
      }
    }
    guard !files.isEmpty else {
      throw EVSSMError(
        "eval.layout", "The folder holds no .png, .jpg or .jpeg file.", category: .noInput, place: .init(file: path))
    }
    return files
  }
}
