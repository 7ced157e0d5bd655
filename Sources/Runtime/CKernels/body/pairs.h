/* Bfloat16 values, two in a word: what the reduced-precision kernels compute with. docs/precision.md defines it.
 *
 * A vocabulary that has instructions for it defines EVSSM_SIMD_HAS_PAIRS, PAIRS_ROWS_n like GEMM_ROWS_n, the type
 * `pairs` (LANES words of two values, the first in the low half) and, as here for all others: pairs_load           2 *
 * LANES values, any alignment pairs_set            one pair in every lane vec_dot(s, a, b)     fma(a0, b0, fma(a1, b1,
 * s)), lane by lane: the second values of the pairs first vec_store_rounded    LANES values rounded to the nearest,
 * ties to even; subnormal ones to zero of their sign Subnormal operands and results of vec_dot count as zeros of their
 * sign, here because kernels that use it run between pairs_begin and pairs_end. */

#ifndef EVSSM_SIMD_HAS_PAIRS
/* Rows of a matrix tile of pairs: both halves of a row of B are kept in registers. */
#ifdef GEMM_ROWS_3
#define PAIRS_ROWS_3 6
#define PAIRS_ROWS_2 8
#else
#define PAIRS_ROWS_2 4
#endif
#ifdef GEMM_ROWS_1
#define PAIRS_ROWS_1 12
#endif

typedef uint32_t pairs __attribute__((ext_vector_type(LANES)));
typedef uint16_t pairs_half __attribute__((ext_vector_type(LANES)));

INLINE pairs pairs_load(const uint16_t *p) {
  pairs v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

INLINE pairs pairs_set(const uint16_t *p) {
  uint32_t pair;
  __builtin_memcpy(&pair, p, sizeof pair);
  return (pairs)pair;
}

INLINE vec pairs_first(pairs p) { return (vec)(p << 16); }
INLINE vec pairs_second(pairs p) { return (vec)(p & 0xffff0000u); }

INLINE vec vec_dot(vec sum, pairs a, pairs b) {
  sum = vec_fma(pairs_second(a), pairs_second(b), sum);
  return vec_fma(pairs_first(a), pairs_first(b), sum);
}

INLINE void vec_store_rounded(uint16_t *p, vec v) {
  const pairs bits = (pairs)v, magnitude = bits & 0x7fffffffu;
  const pairs nearest = bits + 0x7fffu + ((bits >> 16) & 1);
  const pairs is_nan = (pairs)(magnitude > 0x7f800000u), is_zero = (pairs)(magnitude < 0x00800000u);
  const pairs rounded =
      (is_nan & (bits | 0x00400000u)) | (is_zero & bits & 0x80000000u) | (nearest & ~(is_nan | is_zero));
  const pairs_half out = __builtin_convertvector(rounded >> 16, pairs_half);
  __builtin_memcpy(p, &out, sizeof out);
}
#endif

/* The processor's floating-point mode. */
#if defined(__x86_64__)
typedef unsigned pairs_mode;
#define PAIRS_FLUSH 0x8040u /* subnormal results and operands count as zeros */
INLINE pairs_mode pairs_begin(void) {
  pairs_mode mode = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(mode | PAIRS_FLUSH);
  return mode;
}
INLINE void pairs_end(pairs_mode mode) { __builtin_ia32_ldmxcsr(mode); }
#elif defined(__aarch64__)
typedef uint64_t pairs_mode;
#define PAIRS_FLUSH ((uint64_t)1 << 24)
INLINE pairs_mode pairs_begin(void) {
  pairs_mode mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  __asm__ volatile("msr fpcr, %0" : : "r"(mode | PAIRS_FLUSH) : "memory");
  return mode;
}
INLINE void pairs_end(pairs_mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
#else
#error "no floating-point mode for this processor"
#endif
