/* The SIMD vocabulary on AVX-512 with BF16: that of avx512.h, and the processor's own sums of pairs and roundings.
 * See body/pairs.h for the contract. */
#define EVSSM_SIMD_NAME avx512bf16
#define EVSSM_SIMD_ISA EVSSM_ISA_AVX512BF16
#define EVSSM_SIMD_HAS_PAIRS

#include "avx512.h"

/* Rows of a matrix tile of pairs that is 3, 2 and 1 vectors wide. */
#define PAIRS_ROWS_3 8
#define PAIRS_ROWS_2 12
#define PAIRS_ROWS_1 14

typedef __m512i pairs;

INLINE pairs pairs_load(const uint16_t *p) { return _mm512_loadu_si512(p); }

INLINE pairs pairs_set(const uint16_t *p) {
  int32_t pair;
  __builtin_memcpy(&pair, p, sizeof pair);
  return _mm512_set1_epi32(pair);
}

INLINE vec vec_dot(vec sum, pairs a, pairs b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }

INLINE void vec_store_rounded(uint16_t *p, vec v) {
  _mm256_storeu_si256((__m256i *)(void *)p, (__m256i)_mm512_cvtneps_pbh(v));
}
