/* Functions on AVX-512 by pieces: an interval is cut into fifteen pieces and a rest, each with a polynomial around its
 * middle; a table of sixteen coefficients is one register and a lookup one permutation, which takes less of the
 * multiply-add units than a rational function. Coefficients are a minimax fit a piece, rounded to float32. */
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
    0.0f,        0.14034271f, 0.2638525f, 0.35951102f, 0.424712f,   0.46382228f, 0.48446792f, 0.49405894f,
    0.49797985f, 0.49939045f, 0.499837f,  0.49996144f, 0.49999192f, 0.4999985f,  0.49999976f, 0.5f};
static const float gelu_table_1[16] __attribute__((aligned(64))) = {
    0.39893904f,    0.3739924f,     0.3081281f,     0.22310601f,   0.14197166f,   0.0793964f,
    0.03902173f,    0.016854517f,   0.006397745f,   0.0021341986f, 6.256564e-04f, 1.6118526e-04f,
    3.6492023e-05f, 7.2601874e-06f, 1.2693124e-06f, 0.0f};
static const float gelu_table_2[16]
    __attribute__((aligned(64))) = {0.0f,           -0.06720001f,   -0.11073118f,    -0.1202659f,
                                    -0.10204104f,   -0.07133269f,   -0.0420709f,     -0.021200519f,
                                    -0.009197285f,  -0.0034517045f, -0.0011243697f,  -3.186489e-04f,
                                    -7.870451e-05f, -1.696459e-05f, -3.1943841e-06f, 0.0f};
static const float gelu_table_3[16] __attribute__((aligned(64))) = {
    -0.06608955f,    -0.054001264f,  -0.024807917f,  0.0058413497f, 0.02498894f,   0.029333489f,
    0.02369091f,     0.014996444f,   0.0077942894f,  0.0034014226f, 0.0012622294f, 4.014707e-04f,
    1.10032975e-04f, 2.6084635e-05f, 5.3634826e-06f, 0.0f};
static const float gelu_table_4[16] __attribute__((aligned(64))) = {
    0.0f,           0.015933279f,  0.022747021f,  0.018328333f,    0.007960668f,  -0.0012834026f,   -0.005717541f,
    -0.005852716f,  -0.004036638f, -0.002156924f, -9.3840813e-04f, -3.40543e-04f, -1.04513856e-04f, -2.736547e-05f,
    -6.149639e-06f, 0.0f};

/* Absolute error below 2e-7 * max(1, |x|). */
INLINE vec function_gelu(vec x) {
  piece at = piece_of(vec_min(vec_set(5.3f), vec_abs(x)), 0.359375f, 2.78260870f);
  vec p = vec_fma(piece_lookup(gelu_table_4, at), at.offset, piece_lookup(gelu_table_3, at));
  p = vec_fma(p, at.offset, piece_lookup(gelu_table_2, at));
  p = vec_fma(p, at.offset, piece_lookup(gelu_table_1, at));
  p = vec_fma(p, at.offset, piece_lookup(gelu_table_0, at));
  const __m512i sign = _mm512_set1_epi32(INT32_MIN);
  /* p, with the sign of x: 0xd8 takes its second operand where the third is set, its first elsewhere. */
  vec half_erf =
      _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(p), _mm512_castps_si512(x), sign, 0xd8));
  return vec_mul(vec_max(vec_set(-3.40282347e38f), x), vec_add(half_erf, vec_set(0.5f)));
}

/* The functions of plans in reduced precision, which keep about 14 bits: pieces of a width that is a power of two, so
 * that additions alone find them. */
#define EVSSM_SIMD_HAS_REDUCED

/* The piece of x, for pieces `width` wide, a power of two: the last bit of 2^23 * width is that width. */
INLINE piece piece_of_power(vec x, float width) {
  const vec shift = vec_set(PIECE_SHIFT * width);
  vec shifted = vec_add(x, shift);
  return (piece){_mm512_castps_si512(shifted), vec_sub(x, vec_sub(shifted, shift))};
}

/* erf(a / sqrt 2) / 2, pieces of 1/4; the last one passes from 3.625 into the limit, which it meets at 3.85. */
static const float gelu_reduced_table_0[16] __attribute__((aligned(64))) = {
    0.0f,         0.0987056047f, 0.191461235f, 0.273371249f, 0.341344118f, 0.394349396f, 0.433192432f, 0.459940851f,
    0.477250129f, 0.487775892f,  0.493790686f, 0.497020513f, 0.498650312f, 0.499423116f, 0.499767452f, 0.499883056f};
static const float gelu_reduced_table_1[16] __attribute__((aligned(64))) = {
    0.399387717f,   0.385961562f,   0.351550519f,    0.300880432f,   0.241970465f,  0.182848588f,
    0.129832804f,   0.0866241455f,  0.0543069318f,   0.0319913924f,  0.0177081134f, 0.00921027362f,
    0.00450125523f, 0.00206706999f, 0.000891942705f, 0.000479136273f};
static const float gelu_reduced_table_2[16] __attribute__((aligned(64))) = {
    -0.0115375975f,  -0.0481030047f,  -0.0876233205f,  -0.112479679f,  -0.120664991f,  -0.113888942f,
    -0.0970194042f,  -0.0754999146f,  -0.0540784337f,  -0.0358266979f, -0.0220261551f, -0.012596501f,
    -0.00671275845f, -0.00333787012f, -0.00155025814f, 0.00395285664f};

/* Absolute error below 4e-5 * max(1, |x|). */
INLINE vec function_gelu_reduced(vec x) {
  piece at = piece_of_power(vec_min(vec_set(3.85f), vec_abs(x)), 0.25f);
  vec p = vec_fma(piece_lookup(gelu_reduced_table_2, at), at.offset, piece_lookup(gelu_reduced_table_1, at));
  p = vec_fma(p, at.offset, piece_lookup(gelu_reduced_table_0, at));
  const __m512i sign = _mm512_set1_epi32(INT32_MIN);
  vec half_erf =
      _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(p), _mm512_castps_si512(x), sign, 0xd8));
  return vec_mul(vec_max(vec_set(-3.40282347e38f), x), vec_add(half_erf, vec_set(0.5f)));
}

/* log(1 + e) for the e of softplus, by e * 2^(-3/32), which lies in sixteen pieces of 1/16. */
static const float log1p_reduced_table_0[16] __attribute__((aligned(64))) = {
    0.0f,         0.0645676702f, 0.125215948f, 0.18239589f,  0.236482471f, 0.287793249f, 0.336599231f, 0.38313362f,
    0.427598536f, 0.4701702f,    0.511003315f, 0.550234258f, 0.587984085f, 0.624360502f, 0.659460008f, 0.69336915f};
static const float log1p_reduced_table_1[16] __attribute__((aligned(64))) = {
    1.06709218f,  1.00065517f,  0.941748142f, 0.889389217f, 0.842546344f, 0.800391495f, 0.762254477f, 0.727586925f,
    0.695935905f, 0.666924059f, 0.64023459f,  0.615599215f, 0.59278965f,  0.571610093f, 0.551891863f, 0.533421934f};
static const float log1p_reduced_table_2[16] __attribute__((aligned(64))) = {
    -0.557012677f, -0.503451824f, -0.444536865f, -0.396109074f, -0.355322152f, -0.320571631f,
    -0.290700465f, -0.264827937f, -0.242267266f, -0.22247462f,  -0.205014065f, -0.189532548f,
    -0.175741568f, -0.163403451f, -0.152320936f, -0.144730791f};

/* log(1 + e^x), relative error below 1e-4. */
INLINE vec function_softplus_reduced(vec x) {
  piece at = piece_of_power(function_exp_negative_reduced(vec_min(vec_set(83), vec_abs(x))), 0.0625f);
  vec p = vec_fma(piece_lookup(log1p_reduced_table_2, at), at.offset, piece_lookup(log1p_reduced_table_1, at));
  p = vec_fma(p, at.offset, piece_lookup(log1p_reduced_table_0, at));
  return vec_add(vec_max(vec_set(0), x), p);
}
