/* The kernels for AVX2 and FMA. */
#include "tables.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,prfchw"))), apply_to = function)
#include "../vocabulary/avx2.h"
#include "../vocabulary/avx2_exp.h"
#include "../body/bodies.h"
#pragma clang attribute pop
#endif
