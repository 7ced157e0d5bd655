import Glibc
import Tensors

/// One block of zeroed memory, page-aligned, given back when the arena goes.
final class Arena: @unchecked Sendable {
  // Unchecked: who may write where is decided by the plan's steps and barriers.
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) throws {
    self.byteCount = max(byteCount, 1)
    // Beyond physical memory the system would still map, and end the process later, when pages are touched.
    let physical = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    guard byteCount <= physical else {
      throw EVSSMError(
        "runtime.out-of-memory",
        "Feature maps need \(byteCount >> 20) MiB and this machine has \(physical >> 20) MiB; use a smaller picture.",
        limit: "physical_memory")
    }
    let memory = mmap(nil, self.byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else {
      throw EVSSMError(
        "runtime.out-of-memory",
        "\(byteCount) bytes for feature maps are not to be had; use a smaller picture, or allow the process more memory.",
        limit: "process_memory")
    }
    base = memory
    // Blocks in a transposed frame touch a page a row; large pages keep them in the TLB.
    madvise(base, self.byteCount, 14 /* MADV_HUGEPAGE */)
  }

  deinit { munmap(base, byteCount) }

  func floats(at byteOffset: Int) -> UnsafeMutablePointer<Float> {
    (base + byteOffset).assumingMemoryBound(to: Float.self)
  }
}
