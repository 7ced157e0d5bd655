/* The SIMD vocabulary, and its portable form: 4 lanes in the compiler's vector types (SSE2 on x86-64).
 *
 * A vocabulary defines LANES, EVSSM_SIMD_REGISTERS (their number), EVSSM_SIMD_NAME, EVSSM_SIMD_ISA, the type `vec` and:
 *   GEMM_ROWS_n              optional but for n = 2: rows of a matrix tile that is n vectors wide
 *   vec_load, vec_store      LANES floats, any alignment
 *   vec_set                  one value in every lane
 *   vec_add ... vec_abs      lane by lane; vec_fma(a, b, c) = a * b + c, fused where the instruction set has it
 *   vec_min, vec_max         the second operand where a lane is unordered: a NaN there is kept
 *   vec_round                to the nearest integer, ties to even; |a| < 2^22
 *   vec_scale(a, n)          a * 2^n, a in [2^-1/2, 2^1/2], integral n in [-127, 128]; -127 gives at most 2^-126,
 *                            128 with a = 1 infinity
 *   vec_first(a, count)      lanes below count, zero in the others; 0 <= count <= LANES
 *   vec_sum                  the sum of all lanes in a fixed order */
#define LANES 4
#define EVSSM_SIMD_REGISTERS 16
#define EVSSM_SIMD_NAME baseline
#define EVSSM_SIMD_ISA EVSSM_ISA_BASELINE

/* Rows of a matrix tile that is 2 vectors wide. */
#define GEMM_ROWS_2 6

typedef float vec __attribute__((ext_vector_type(4)));
typedef int32_t vec_bits __attribute__((ext_vector_type(4)));

INLINE vec vec_load(const float *p) {
  vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

INLINE void vec_store(float *p, vec v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE vec vec_set(float x) { return (vec)x; }
INLINE vec vec_add(vec a, vec b) { return a + b; }
INLINE vec vec_sub(vec a, vec b) { return a - b; }
INLINE vec vec_mul(vec a, vec b) { return a * b; }
INLINE vec vec_div(vec a, vec b) { return a / b; }
INLINE vec vec_fma(vec a, vec b, vec c) { return a * b + c; }
INLINE vec vec_min(vec a, vec b) { return a < b ? a : b; }
INLINE vec vec_max(vec a, vec b) { return a > b ? a : b; }
INLINE vec vec_abs(vec a) { return (vec)((vec_bits)a & 0x7fffffff); }

INLINE vec vec_round(vec a) {
  vec shift = vec_set(12582912.0f); /* 1.5 * 2^23 */
  return vec_sub(vec_add(a, shift), shift);
}

INLINE vec vec_scale(vec a, vec n) {
  vec_bits exponent = __builtin_convertvector(n, vec_bits) << 23;
  return (vec)((vec_bits)a + exponent);
}

INLINE vec vec_first(vec a, size_t count) {
  const vec_bits lane = {0, 1, 2, 3};
  return (vec)((vec_bits)a & (lane < (vec_bits)(int32_t)count));
}

INLINE float vec_sum(vec a) { return (a.x + a.z) + (a.y + a.w); }
