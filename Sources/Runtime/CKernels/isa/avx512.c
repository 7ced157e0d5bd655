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
#endif
