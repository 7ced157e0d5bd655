/* The SIMD vocabulary on arm64 NEON: 4 lanes, 32 registers. See baseline.h for the contract. */
#define LANES 4
#define EVSSM_SIMD_REGISTERS 32
#define EVSSM_SIMD_NAME neon
#define EVSSM_SIMD_ISA EVSSM_ISA_NEON

/* Rows of a matrix tile that is 3 and 2 vectors wide. */
#define GEMM_ROWS_3 8
#define GEMM_ROWS_2 12

typedef float32x4_t vec;

INLINE vec vec_load(const float *p) { return vld1q_f32(p); }
INLINE void vec_store(float *p, vec v) { vst1q_f32(p, v); }
INLINE vec vec_set(float x) { return vdupq_n_f32(x); }
INLINE vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
INLINE vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
INLINE vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
INLINE vec vec_div(vec a, vec b) { return vdivq_f32(a, b); }
INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
INLINE vec vec_min(vec a, vec b) { return vminq_f32(a, b); }
INLINE vec vec_max(vec a, vec b) { return vmaxq_f32(a, b); }
INLINE vec vec_abs(vec a) { return vabsq_f32(a); }
INLINE vec vec_round(vec a) { return vrndnq_f32(a); }

INLINE vec vec_scale(vec a, vec n) {
  int32x4_t exponent = vshlq_n_s32(vcvtq_s32_f32(n), 23);
  return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a), exponent));
}

INLINE vec vec_first(vec a, size_t count) {
  static const int32_t lanes[4] = {0, 1, 2, 3};
  uint32x4_t kept = vcltq_s32(vld1q_s32(lanes), vdupq_n_s32((int32_t)count));
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), kept));
}

INLINE float vec_sum(vec a) {
  float32x2_t half = vadd_f32(vget_low_f32(a), vget_high_f32(a));
  return vget_lane_f32(half, 0) + vget_lane_f32(half, 1);
}
