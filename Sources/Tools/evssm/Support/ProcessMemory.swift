import Foundation

/// What the system says about this process's memory.
enum ProcessMemory {
  /// The largest resident set so far, in bytes; nil where the system does not tell.
  static var peakResidentBytes: Int? {
    guard let file = FileHandle(forReadingAtPath: "/proc/self/status"),
      let data = try? file.read(upToCount: 1 << 16),
      let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return kibibytes * 1024
  }
}
