/* The kernels' names, from their list. */
#include "CKernels.h"

const char *evssm_kernel_name(size_t index) {
  static const char *const names[] = {
#define EVSSM_KERNEL(name, args) #name,
#include "kernels.def"
#undef EVSSM_KERNEL
  };
  return index < sizeof names / sizeof names[0] ? names[index] : NULL;
}
