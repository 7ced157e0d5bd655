import Foundation

/// What the system says about this process's memory.
enum ProcessMemory {
  /// The largest resident set so far, in bytes; nil where the system does not tell.
  static var peakResidentBytes: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = Int(line.dropFirst(6).split(separator: " ").first.map { $0.trimmingCharacters(in: .whitespaces) } ?? "")
    else { return nil }
    return kibibytes * 1024
  }
}
