/* Exponentials on AVX2: 2^(k/8) from one register and the series of 2^f to the fourth power on [-1/16, 1/16]. Contracts
 * as in body/functions.h; the error relative to 1 - 2^f stays at rounding, as the scan needs. */
#define EVSSM_SIMD_HAS_EXP

/* The bits of 2^(k/8), less k units of the twentieth bit: adding (8 n + k) << 20 gives 2^(n + k/8). */
static const uint32_t exp_table_bits[8] __attribute__((aligned(32))) = {0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
                                                                        0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7};

/* x + EXP_SHIFT holds round(8 x) in its low bits. */
#define EXP_SHIFT 1572864.0f

/* 2^(n + k/8 + f) for the number 8 n + k in the low bits of `shifted`, where the result is normal. */
INLINE vec exp_power(vec shifted, vec f) {
  __m256i index = _mm256_castps_si256(shifted);
  __m256i root = _mm256_permutevar8x32_epi32(_mm256_load_si256((const __m256i *)exp_table_bits), index);
  vec power = _mm256_castsi256_ps(_mm256_add_epi32(root, _mm256_slli_epi32(index, 20)));
  vec slope = vec_fma(f, vec_set(0.00961812911f), vec_set(0.0555041087f));
  slope = vec_fma(f, slope, vec_set(0.240226507f));
  slope = vec_fma(f, slope, vec_set(0.693147181f));
  return vec_fma(vec_mul(power, f), slope, power);
}

/* 2^(x - half) * 2^half, both in the range of a float; the second factor is exact. */
INLINE vec function_exp2(vec x) {
  x = vec_min(vec_set(128), vec_max(vec_set(-127), x));
  vec half = vec_round(vec_mul(vec_set(0.5f), x));
  vec rest = vec_sub(x, half);
  vec shifted = vec_add(rest, vec_set(EXP_SHIFT));
  vec power = exp_power(shifted, vec_sub(rest, vec_sub(shifted, vec_set(EXP_SHIFT))));
  return vec_mul(power, vec_scale(vec_set(1), half));
}

INLINE vec function_exp_negative(vec x) {
  vec shifted = vec_fma(x, vec_set(-1.4426950216293335f), vec_set(EXP_SHIFT));
  vec rounded = vec_sub(shifted, vec_set(EXP_SHIFT));
  vec f = _mm256_fnmsub_ps(x, vec_set(1.4426950216293335f), rounded);
  return exp_power(shifted, vec_fma(x, vec_set(-1.925963033500011e-08f), f));
}

/* 2^x for x <= 0. */
INLINE vec function_decay(vec x) {
  x = vec_max(vec_set(-126.5f), x);
  vec shifted = vec_add(x, vec_set(EXP_SHIFT));
  return exp_power(shifted, vec_sub(x, vec_sub(shifted, vec_set(EXP_SHIFT))));
}
