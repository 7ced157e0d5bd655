#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Paths as text, and what lies where they lead.
package enum Paths {
  /// The extension of a path's last part in lower case, without the dot; empty if there is none.
  package static func fileExtension(_ path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }

  /// The last part of a path.
  package static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// The path of the file `name` in a folder.
  package static func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  package static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0
  }

  /// Throws `output.is-input` when `output` is the same file as one of `inputs`, under whatever name.
  package static func check(_ output: String, isNoneOf inputs: [String]) throws {
    guard let identity = FileIdentity(path: output) else { return }
    for input in inputs where FileIdentity(path: input) == identity {
      throw EVSSMError(
        "output.is-input", "The output would overwrite the input \(EVSSMError.escaped(input)). Choose another path.",
        category: .usage, place: .init(file: output))
    }
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
