/* The kernels for AVX2 and FMA. */
#include "tables.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,prfchw"))), apply_to = function)
#include "../vocabulary/avx2.h"
#include "../vocabulary/avx2_exp.h"
#include "../body/bodies.h"
#pragma clang attribute pop

const evssm_kernels *evssm_set_avx2(void) {
  __builtin_cpu_init();
  int has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has ? &evssm_table_avx2 : NULL;
}
#else
const evssm_kernels *evssm_set_avx2(void) { return NULL; }
#endif
