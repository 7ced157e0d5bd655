// sched_getattr(2), sched_setattr(2) and prctl(2) of Linux, which Debian's C library does not wrap or Swift cannot
// call: they are variadic.
#pragma once
#include <errno.h>
#include <stdint.h>

#if defined(__linux__)
#include <linux/sched/types.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Sets the time slice of the calling thread, and of those that it starts, where the kernel has slices of its own for
// threads (Linux 6.12; older ones change nothing). A thread that wakes with a shorter slice goes first; shares of the
// processor stay as they are. 0, or -1 and errno.
static inline int evssm_set_time_slice(uint64_t nanoseconds) {
  struct sched_attr attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return -1;
  attributes.sched_runtime = nanoseconds;
  return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

// Names the calling thread for tools: 15 bytes.
static inline void evssm_name_thread(const char *_Nonnull name) { prctl(PR_SET_NAME, name); }
#else
static inline int evssm_set_time_slice(uint64_t nanoseconds) {
  errno = ENOSYS;
  return -1;
}

static inline void evssm_name_thread(const char *_Nonnull name) {}
#endif
