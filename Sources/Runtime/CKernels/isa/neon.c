/* The kernels for arm64. */
#include "tables.h"
#if defined(__aarch64__)
#include <arm_neon.h>
#include "../vocabulary/neon.h"
#include "../body/bodies.h"
#endif
