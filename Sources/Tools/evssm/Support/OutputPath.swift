import Foundation
import Tensors

/// Checks on paths that a command is about to write.
enum OutputPath {
  /// Throws `output.is-input` when `output` is the same file as one of `inputs`, under whatever name.
  static func check(_ output: String, isNoneOf inputs: [String]) throws {
    guard let identity = FileIdentity(path: output) else { return }
    for input in inputs where FileIdentity(path: input) == identity {
      throw EVSSMError(
        "output.is-input", "The output would overwrite the input \(EVSSMError.escaped(input)). Choose another path.",
        category: .usage, place: .init(file: output))
    }
  }

  /// The extension of a path's last part in lower case, without the dot; empty if there is none.
  static func fileExtension(_ path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }

  /// Whether a .npy array is written to the path.
  static func isArray(_ path: String) -> Bool { fileExtension(path) == "npy" }

  static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Makes the folder and those above it, unless it is there. Throws `run.output`.
  static func makeFolder(_ folder: String) throws {
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw EVSSMError(
        "run.output", "The folder cannot be made: \(error.localizedDescription)", category: .inputOutput,
        place: .init(file: folder))
    }
  }

  static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0
  }
}

/// Which file a path leads to.
private struct FileIdentity: Equatable {
  let device: UInt64
  let number: UInt64

  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }
}
