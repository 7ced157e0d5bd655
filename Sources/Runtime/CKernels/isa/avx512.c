/* The kernels for AVX-512 F, BW, DQ, VL. */
#include "tables.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,prfchw"))), \
                             apply_to = function)
#include "../vocabulary/avx512.h"
#include "../vocabulary/avx512_exp.h"
#include "../vocabulary/avx512_pieces.h"
#include "../body/bodies.h"
#pragma clang attribute pop

const evssm_kernels *evssm_set_avx512(void) {
  __builtin_cpu_init();
  int has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl");
  return has ? &evssm_table_avx512 : NULL;
}
#else
const evssm_kernels *evssm_set_avx512(void) { return NULL; }
#endif
