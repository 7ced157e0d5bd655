import Glibc
import PlanRuntime

/// How many requests are accepted, and what they may use.
package struct SchedulerConfiguration: Sendable, Hashable {
  /// Threads that run plans.
  package var threads: Int
  /// Pictures restored side by side, each on one thread, when several small ones are there.
  package var sessions: Int
  /// Requests that are accepted at a time: those that run and those that wait.
  package var queue: Int
  /// Bytes of feature maps and scratch memory of all sessions.
  package var maxMemory: Int
  /// Pictures of at most this many pixels are small.
  package var smallPixels: Int

  package init(
    threads: Int = Workers.processorCount, sessions: Int? = nil, queue: Int = 32,
    maxMemory: Int = SchedulerConfiguration.defaultMemory, smallPixels: Int = 512 * 512
  ) {
    self.threads = threads
    self.sessions = min(sessions ?? threads, threads)
    self.queue = queue
    self.maxMemory = maxMemory
    self.smallPixels = smallPixels
  }

  /// Half of the memory that the machine has, or that its control group (a container's) allows.
  package static var defaultMemory: Int {
    let physical = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].compactMap { path in
      Int(ProcessFigures.read(path).filter { $0 != "\n" })
    }
    return (limits + [physical]).reduce(physical, min) / 2
  }
}
