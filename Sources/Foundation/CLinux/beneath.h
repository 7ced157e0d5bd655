// openat2(2) of Linux, which the C library does not wrap and Swift cannot call: syscall() is variadic.
#pragma once
#include <errno.h>
#include <fcntl.h>

#if defined(__linux__)
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

// Opens `path` below `folder` for reading: no `..` that leaves it, no absolute path, no symbolic link. A descriptor, or
// -1 and errno; ENOSYS where the kernel has no such call.
static inline int evssm_open_beneath(int folder, const char *_Nonnull path) {
  struct open_how how = {
      .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}
#else
static inline int evssm_open_beneath(int folder, const char *_Nonnull path) {
  errno = ENOSYS;
  return -1;
}
#endif
