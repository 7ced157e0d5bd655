import Foundation
import Glibc
import Synchronization

/// What the machine and this process use, from /proc.
enum ProcessFigures {
  /// Busy and all clock ticks of the processors when they were last looked at.
  private static let last = Mutex<(busy: Double, all: Double)>((0, 0))

  static func write(to text: inout PrometheusText) {
    text.metric("nv_cpu_utilization", .gauge, "CPU utilization rate since the last look [0.0 - 1.0]")
    text.sample("nv_cpu_utilization", [], utilization())
    let memory = memoryInfo()
    text.metric("nv_cpu_memory_total_bytes", .gauge, "CPU total memory in bytes")
    text.sample("nv_cpu_memory_total_bytes", [], memory.total)
    text.metric("nv_cpu_memory_used_bytes", .gauge, "CPU used memory in bytes")
    text.sample("nv_cpu_memory_used_bytes", [], memory.total - memory.available)
    text.metric("process_resident_memory_bytes", .gauge, "Resident memory of the server in bytes")
    text.sample("process_resident_memory_bytes", [], residentBytes())
    text.metric("process_open_fds", .gauge, "Open file descriptors of the server")
    text.sample("process_open_fds", [], Double(contents("/proc/self/fd")))
  }

  /// The first 8 KiB of a file of the system's; empty when it cannot be read.
  static func read(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8192) { buffer in
      let count = fread(buffer.baseAddress, 1, buffer.count, file)
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
  }

  private static func contents(_ path: String) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: path).count) ?? 0
  }

  private static func utilization() -> Double {
    let line = read("/proc/stat").prefix { $0 != "\n" }
    let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
    guard ticks.count >= 5 else { return 0 }
    let all = ticks.reduce(0, +)
    let now = (busy: all - ticks[3] - ticks[4], all: all)
    return last.withLock { last in
      defer { last = now }
      return now.all > last.all ? (now.busy - last.busy) / (now.all - last.all) : 0
    }
  }

  private static func memoryInfo() -> (total: Double, available: Double) {
    var figures: [Substring: Double] = [:]
    for line in read("/proc/meminfo").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count >= 2 { figures[words[0]] = Double(words[1]) }
    }
    return ((figures["MemTotal:"] ?? 0) * 1024, (figures["MemAvailable:"] ?? 0) * 1024)
  }

  static func residentBytes() -> Double {
    let pages = read("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
    return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
  }
}
