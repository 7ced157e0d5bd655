/* The kernels for AVX-512 F, BW, DQ, VL and BF16. */
#include "tables.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma,prfchw"))), \
                             apply_to = function)
#include "../vocabulary/avx512bf16.h"
#include "../vocabulary/avx512_exp.h"
#include "../vocabulary/avx512_pieces.h"
#include "../body/bodies.h"
#pragma clang attribute pop

const evssm_kernels *evssm_set_avx512bf16(void) {
  __builtin_cpu_init();
  int has = evssm_set_avx512() && __builtin_cpu_supports("avx512bf16");
  return has ? &evssm_table_avx512bf16 : NULL;
}
#else
const evssm_kernels *evssm_set_avx512bf16(void) { return NULL; }
#endif
