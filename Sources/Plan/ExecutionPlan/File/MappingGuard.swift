import Glibc
import Synchronization

/// Ends the process in order when a mapped plan is truncated by someone else. Executables install it; libraries never
/// do.
///
/// Reading a page behind the new end of a mapped file raises SIGBUS. With the guard, if the page belongs to a plan, one
/// line goes to standard error and the process exits with status 74 (input/output error); any other SIGBUS takes its
/// default course.
package enum MappingGuard {
  private static let slots = 64
  /// Pairs of first address and end, zero where free. Raw memory, so that the signal handler touches no Swift object.
  nonisolated(unsafe) private static let ranges: UnsafeMutablePointer<UInt> = {
    let pointer = UnsafeMutablePointer<UInt>.allocate(capacity: 2 * slots)
    pointer.initialize(repeating: 0, count: 2 * slots)
    return pointer
  }()
  private static let lock = Mutex(())

  /// Installs the handler of SIGBUS for the whole process.
  package static func install() {
    // Makes `ranges` before any signal can come.
    _ = ranges
    var action = sigaction()
    action.sa_flags = SA_SIGINFO
    action.__sigaction_handler.sa_sigaction = { _, info, _ in MappingGuard.handle(info) }
    sigaction(SIGBUS, &action, nil)
  }

  /// Mappings beyond the table's 64 slots are not guarded.
  static func register(_ bytes: UnsafeRawBufferPointer) {
    let start = UInt(bitPattern: bytes.baseAddress)
    lock.withLock { _ in
      guard let slot = (0..<slots).first(where: { ranges[2 * $0] == 0 }) else { return }
      ranges[2 * slot + 1] = start + UInt(bytes.count)
      ranges[2 * slot] = start
    }
  }

  static func unregister(_ bytes: UnsafeRawBufferPointer) {
    let start = UInt(bitPattern: bytes.baseAddress)
    lock.withLock { _ in
      guard let slot = (0..<slots).first(where: { ranges[2 * $0] == start }) else { return }
      ranges[2 * slot] = 0
    }
  }

  /// Runs in the signal handler: only plain memory, write, _exit and sigaction.
  private static func handle(_ info: UnsafeMutablePointer<siginfo_t>?) {
    let address = UInt(bitPattern: info?.pointee._sifields._sigfault.si_addr)
    var slot = 0
    while slot < slots {
      if ranges[2 * slot] != 0, ranges[2 * slot] <= address, address < ranges[2 * slot + 1] {
        let line: StaticString = "evssm: the plan file was truncated while it was in use [plan.truncated-in-use]\n"
        _ = write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
        _exit(74)
      }
      slot += 1
    }
    // The faulting instruction runs again and takes the default course.
    signal(SIGBUS, SIG_DFL)
  }
}
