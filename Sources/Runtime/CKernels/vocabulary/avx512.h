/* The SIMD vocabulary on AVX-512 F, BW, DQ, VL: 16 lanes, 32 registers. See baseline.h for the contract. */
#define LANES 16
#define EVSSM_SIMD_REGISTERS 32
#ifndef EVSSM_SIMD_NAME
#define EVSSM_SIMD_NAME avx512
#define EVSSM_SIMD_ISA EVSSM_ISA_AVX512
#endif

/* Rows of a matrix tile that is 3, 2 and 1 vectors wide. */
#define GEMM_ROWS_3 8
#define GEMM_ROWS_2 12
#define GEMM_ROWS_1 14

typedef __m512 vec;

INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vec_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
INLINE vec vec_set(float x) { return _mm512_set1_ps(x); }
INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
INLINE vec vec_abs(vec a) { return _mm512_abs_ps(a); }

INLINE vec vec_round(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/* a * 2^floor(n) for any n. */
INLINE vec vec_scale(vec a, vec n) { return _mm512_scalef_ps(a, n); }

INLINE vec vec_first(vec a, size_t count) { return _mm512_maskz_mov_ps((__mmask16)((1u << count) - 1), a); }

INLINE float vec_sum(vec a) {
  __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}
