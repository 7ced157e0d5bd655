/* Exponentials on AVX-512: 2^(k/32) from two registers and a polynomial of degree 3 on [-1/64, 1/64]. Half as many
 * multiply-adds as the portable form in body/functions.h, whose contracts hold here too. The polynomial is the series
 * of 2^f: near 0 its error relative to 1 - 2^f stays at rounding, as the scan needs, where an error e in a decay a
 * grows to e / (1 - a). */
#define EVSSM_SIMD_HAS_EXP

static const float exp_table[32] __attribute__((aligned(64))) = {
    1.0f,        1.0218972f,  1.04427373f, 1.06714046f, 1.09050775f, 1.1143868f,  1.13878858f, 1.1637249f,
    1.18920708f, 1.21524739f, 1.24185777f, 1.26905096f, 1.29683959f, 1.32523668f, 1.35425556f, 1.38390994f,
    1.41421354f, 1.44518077f, 1.47682619f, 1.50916445f, 1.54221082f, 1.5759809f,  1.61049032f, 1.64575553f,
    1.68179286f, 1.71861935f, 1.75625217f, 1.79470909f, 1.8340081f,  1.87416768f, 1.91520655f, 1.95714414f};

/* The same, less k units of the eighteenth bit: adding (32 n + k) << 18 gives 2^(n + k/32). */
static const uint32_t exp_table_bits[32] __attribute__((aligned(64))) = {
    0x3f800000, 0x3f7ecd87, 0x3f7daac3, 0x3f7c980f, 0x3f7b95c2, 0x3f7aa43a, 0x3f79c3d3, 0x3f78f4f0,
    0x3f7837f0, 0x3f778d3a, 0x3f76f532, 0x3f767043, 0x3f75fed7, 0x3f75a15b, 0x3f75583f, 0x3f7523f6,
    0x3f7504f3, 0x3f74fbaf, 0x3f7508a4, 0x3f752c4d, 0x3f75672a, 0x3f75b9be, 0x3f76248c, 0x3f76a81e,
    0x3f7744fd, 0x3f77fbb8, 0x3f78ccdf, 0x3f79b907, 0x3f7ac0c7, 0x3f7be4ba, 0x3f7d257d, 0x3f7e83b3};

/* x + EXP_SHIFT holds round(32 x) in its low bits. */
#define EXP_SHIFT 393216.0f

/* (2^f - 1) / f for |f| <= 1/64. */
INLINE vec exp_slope(vec f) {
  vec slope = vec_fma(f, vec_set(0.0555041087f), vec_set(0.240226507f));
  return vec_fma(f, slope, vec_set(0.693147181f));
}

/* 2^(k/32 + f) for the k in the low five bits of `shifted` and |f| <= 1/64. */
INLINE vec exp_fraction(vec shifted, vec f) {
  __m512i index = _mm512_castps_si512(shifted);
  vec root = _mm512_permutex2var_ps(vec_load(exp_table), index, vec_load(exp_table + 16));
  vec slope = exp_slope(f);
  return vec_fma(vec_mul(root, f), slope, root);
}

/* 2^(n + k/32 + f) for the number 32 n + k in the low bits of `shifted`, where the result is normal: the power of two
 * goes in before the polynomial. */
INLINE vec exp_power(vec shifted, vec f) {
  __m512i index = _mm512_castps_si512(shifted);
  __m512i root =
      _mm512_permutex2var_epi32(_mm512_load_si512(exp_table_bits), index, _mm512_load_si512(exp_table_bits + 16));
  vec power = _mm512_castsi512_ps(_mm512_add_epi32(root, _mm512_slli_epi32(index, 18)));
  vec slope = exp_slope(f);
  return vec_fma(vec_mul(power, f), slope, power);
}

INLINE vec function_exp2(vec x) {
  x = vec_min(vec_set(128), vec_max(vec_set(-127), x));
  vec shifted = vec_add(x, vec_set(EXP_SHIFT));
  vec rounded = vec_sub(shifted, vec_set(EXP_SHIFT));
  return vec_scale(exp_fraction(shifted, vec_sub(x, rounded)), rounded);
}

INLINE vec function_exp_negative(vec x) {
  vec shifted = vec_fma(x, vec_set(-1.4426950216293335f), vec_set(EXP_SHIFT));
  vec rounded = vec_sub(shifted, vec_set(EXP_SHIFT));
  vec f = _mm512_fnmsub_ps(x, vec_set(1.4426950216293335f), rounded);
  return exp_power(shifted, vec_fma(x, vec_set(-1.925963033500011e-08f), f));
}

/* 2^x for x <= 0. */
INLINE vec function_decay(vec x) {
  x = vec_max(vec_set(-127), x);
  vec shifted = vec_add(x, vec_set(EXP_SHIFT));
  return exp_power(shifted, vec_sub(x, vec_sub(shifted, vec_set(EXP_SHIFT))));
}

/* The same for plans in reduced precision, in fewer operations: 2^(n + k/32 + f) = root * (g^2 + s) with g = f + 46/32,
 * as 2^f is nearly half of (f + log2 e)^2 in units of log2(e)^2, plus a half. The scale of the square lies in the
 * roots, and in value and slope the square meets 2^f at 0. Relative error below 6e-7; where a decay a is near 1, the
 * error stays below 3e-4 of 1 - a. Exponents are held at -120, as the roots are near 1/4. */
static const uint32_t exp_reduced_bits[32] __attribute__((aligned(64))) = {
    0x3e76e186, 0x3e784974, 0x3e78e7d9, 0x3e77ba73, 0x3e769ce0, 0x3e758f78, 0x3e749296, 0x3e73a697,
    0x3e72cbd9, 0x3e7202be, 0x3e714ba7, 0x3e70a6fa, 0x3e70151e, 0x3e6f967c, 0x3e6f2b81, 0x3e6ed49b,
    0x3e6e9239, 0x3e6e64d0, 0x3e6e4cd4, 0x3e6e4abe, 0x3e6e5f09, 0x3e6e8a32, 0x3e6eccb8, 0x3e6f2720,
    0x3e6f99ef, 0x3e7025ad, 0x3e70cae8, 0x3e718a2c, 0x3e72640d, 0x3e735920, 0x3e7469fc, 0x3e75973e};

#define EXP_REDUCED_OFFSET 1.4375f /* 46/32: a whole number of roots, so that one subtraction makes g */
#define EXP_REDUCED_TERM 2.081342f /* s, rounded so that 2^0 is at most 1 */

/* 2^(n + k/32 + f) for the number 32 n + k in the low bits of `shifted` and g = f + EXP_REDUCED_OFFSET. */
INLINE vec exp_reduced_power(vec shifted, vec g) {
  __m512i index = _mm512_castps_si512(shifted);
  __m512i root =
      _mm512_permutex2var_epi32(_mm512_load_si512(exp_reduced_bits), index, _mm512_load_si512(exp_reduced_bits + 16));
  vec power = _mm512_castsi512_ps(_mm512_add_epi32(root, _mm512_slli_epi32(index, 18)));
  return vec_mul(power, vec_fma(g, g, vec_set(EXP_REDUCED_TERM)));
}

/* 2^x for x <= 0. */
INLINE vec function_decay_reduced(vec x) {
  x = vec_max(vec_set(-120), x);
  vec shifted = vec_add(x, vec_set(EXP_SHIFT));
  return exp_reduced_power(shifted, vec_sub(x, vec_sub(shifted, vec_set(EXP_SHIFT + EXP_REDUCED_OFFSET))));
}

/* e^-x * 2^(-3/32) for x in [0, 83]: three roots further on. */
INLINE vec function_exp_negative_reduced(vec x) {
  const float shift = EXP_SHIFT - 0.09375f;
  vec shifted = vec_fma(x, vec_set(-1.44269504f), vec_set(shift));
  vec rounded = vec_sub(shifted, vec_set(shift + EXP_REDUCED_OFFSET));
  return exp_reduced_power(shifted, _mm512_fnmsub_ps(x, vec_set(1.44269504f), rounded));
}
