/* GELU on AVX-512 by pieces: an interval is cut into fifteen pieces and a rest, each with a polynomial around its middle; a
 * table of sixteen coefficients is one register and a lookup one permutation, which takes less of the multiply-add units
 * than a rational function. Coefficients are a minimax fit a piece, rounded to float32. */
#define EVSSM_SIMD_HAS_GELU

/* x + PIECE_SHIFT holds round(x) in its low bits. */
#define PIECE_SHIFT 12582912.0f

typedef struct {
  __m512i index;
  vec offset; /* from the middle of the piece */
} piece;

/* The piece of x >= 0, for pieces `width` wide; `per_piece` is 1 / width. */
INLINE piece piece_of(vec x, float width, float per_piece) {
  vec shifted = vec_fma(x, vec_set(per_piece), vec_set(PIECE_SHIFT));
  vec middle = vec_sub(shifted, vec_set(PIECE_SHIFT));
  return (piece){_mm512_castps_si512(shifted), _mm512_fnmadd_ps(middle, vec_set(width), x)};
}

INLINE vec piece_lookup(const float table[16], piece at) { return _mm512_permutexvar_ps(at.index, vec_load(table)); }

/* erf(a / sqrt 2) / 2, pieces of 23/64; the last one, from 5.2 on, is the limit. */
static const float gelu_table_0[16] __attribute__((aligned(64))) = {
    0.0f, 0.14034271f, 0.2638525f, 0.35951102f, 0.424712f, 0.46382228f, 0.48446792f, 0.49405894f,
    0.49797985f, 0.49939045f, 0.499837f, 0.49996144f, 0.49999192f, 0.4999985f, 0.49999976f, 0.5f};
static const float gelu_table_1[16] __attribute__((aligned(64))) = {
    0.39893904f, 0.3739924f, 0.3081281f, 0.22310601f, 0.14197166f, 0.0793964f, 0.03902173f, 0.016854517f,
    0.006397745f, 0.0021341986f, 6.256564e-04f, 1.6118526e-04f, 3.6492023e-05f, 7.2601874e-06f, 1.2693124e-06f, 0.0f};
static const float gelu_table_2[16] __attribute__((aligned(64))) = {
    0.0f, -0.06720001f, -0.11073118f, -0.1202659f, -0.10204104f, -0.07133269f, -0.0420709f, -0.021200519f,
    -0.009197285f, -0.0034517045f, -0.0011243697f, -3.186489e-04f,
    -7.870451e-05f, -1.696459e-05f, -3.1943841e-06f, 0.0f};
static const float gelu_table_3[16] __attribute__((aligned(64))) = {
    -0.06608955f, -0.054001264f, -0.024807917f, 0.0058413497f, 0.02498894f, 0.029333489f, 0.02369091f, 0.014996444f,
    0.0077942894f, 0.0034014226f, 0.0012622294f, 4.014707e-04f,
    1.10032975e-04f, 2.6084635e-05f, 5.3634826e-06f, 0.0f};
static const float gelu_table_4[16] __attribute__((aligned(64))) = {
    0.0f, 0.015933279f, 0.022747021f, 0.018328333f, 0.007960668f, -0.0012834026f, -0.005717541f, -0.005852716f,
    -0.004036638f, -0.002156924f, -9.3840813e-04f, -3.40543e-04f,
    -1.04513856e-04f, -2.736547e-05f, -6.149639e-06f, 0.0f};

/* Absolute error below 2e-7 * max(1, |x|). */
INLINE vec function_gelu(vec x) {
  piece at = piece_of(vec_min(vec_set(5.3f), vec_abs(x)), 0.359375f, 2.78260870f);
  vec p = vec_fma(piece_lookup(gelu_table_4, at), at.offset, piece_lookup(gelu_table_3, at));
  p = vec_fma(p, at.offset, piece_lookup(gelu_table_2, at));
  p = vec_fma(p, at.offset, piece_lookup(gelu_table_1, at));
  p = vec_fma(p, at.offset, piece_lookup(gelu_table_0, at));
  const __m512i sign = _mm512_set1_epi32(INT32_MIN);
  /* p, with the sign of x: 0xd8 takes its second operand where the third is set, its first elsewhere. */
  vec half_erf = _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(_mm512_castps_si512(p), _mm512_castps_si512(x), sign, 0xd8));
  return vec_mul(vec_max(vec_set(-3.40282347e38f), x), vec_add(half_erf, vec_set(0.5f)));
}
