/* The kernels for arm64. */
#include "tables.h"
#if defined(__aarch64__)
#include <arm_neon.h>
#include "../vocabulary/neon.h"
#include "../body/bodies.h"

const evssm_kernels *evssm_set_neon(void) { return &evssm_table_neon; }
#else
const evssm_kernels *evssm_set_neon(void) { return NULL; }
#endif
