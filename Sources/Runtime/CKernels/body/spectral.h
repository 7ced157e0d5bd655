/* The 8x8 spectral filter: real transforms along rows, then columns; scaling; back. Lanes are channels. */

#define SPECTRAL_SIDE 8
#define SPECTRAL_HALF 5

/* A half spectrum of eight real values: real parts 0 and 4 first (their imaginary parts are zero), then real and
 * imaginary part of 1, 2, 3. */
enum { RE0, RE4, RE1, IM1, RE2, IM2, RE3, IM3 };

INLINE void spectral_real_forward(vec v[8]) {
  const vec s = vec_set(0.70710678118654752f);
  vec a0 = vec_add(v[0], v[4]), a1 = vec_add(v[1], v[5]), a2 = vec_add(v[2], v[6]), a3 = vec_add(v[3], v[7]);
  vec b0 = vec_sub(v[0], v[4]), b1 = vec_sub(v[1], v[5]), b2 = vec_sub(v[2], v[6]), b3 = vec_sub(v[3], v[7]);
  vec even = vec_add(a0, a2), odd = vec_add(a1, a3);
  vec difference = vec_mul(s, vec_sub(b1, b3)), sum = vec_mul(s, vec_add(b1, b3));
  v[RE0] = vec_add(even, odd);
  v[RE4] = vec_sub(even, odd);
  v[RE2] = vec_sub(a0, a2);
  v[IM2] = vec_sub(a3, a1);
  v[RE1] = vec_add(b0, difference);
  v[RE3] = vec_sub(b0, difference);
  v[IM3] = vec_sub(b2, sum);
  v[IM1] = vec_sub(vec_sub(vec_set(0), b2), sum);
}

/* The inverse, without the factor 1/8. */
INLINE void spectral_real_inverse(vec v[8]) {
  const vec two = vec_set(2), minus_two = vec_set(-2), root = vec_set(1.41421356237309505f);
  const vec minus_root = vec_set(-1.41421356237309505f);
  vec even = vec_add(v[RE0], v[RE4]), odd = vec_sub(v[RE0], v[RE4]);
  vec real_sum = vec_add(v[RE1], v[RE3]), real_difference = vec_sub(v[RE1], v[RE3]);
  vec imaginary_sum = vec_add(v[IM1], v[IM3]), imaginary_difference = vec_sub(v[IM3], v[IM1]);
  vec even_plus = vec_fma(two, v[RE2], even), even_minus = vec_fma(minus_two, v[RE2], even);
  vec odd_plus = vec_fma(two, v[IM2], odd), odd_minus = vec_fma(minus_two, v[IM2], odd);
  vec first = vec_sub(real_difference, imaginary_sum), third = vec_add(real_difference, imaginary_sum);
  v[0] = vec_fma(two, real_sum, even_plus);
  v[4] = vec_fma(minus_two, real_sum, even_plus);
  v[2] = vec_fma(two, imaginary_difference, even_minus);
  v[6] = vec_fma(minus_two, imaginary_difference, even_minus);
  v[1] = vec_fma(root, first, odd_minus);
  v[5] = vec_fma(minus_root, first, odd_minus);
  v[3] = vec_fma(minus_root, third, odd_plus);
  v[7] = vec_fma(root, third, odd_plus);
}

/* Four complex values, every second of re and im from `at` on; natural order. */
INLINE void spectral_four(vec re[4], vec im[4]) {
  vec r0 = vec_add(re[0], re[2]), r1 = vec_sub(re[0], re[2]), r2 = vec_add(re[1], re[3]), r3 = vec_sub(re[1], re[3]);
  vec i0 = vec_add(im[0], im[2]), i1 = vec_sub(im[0], im[2]), i2 = vec_add(im[1], im[3]), i3 = vec_sub(im[1], im[3]);
  re[0] = vec_add(r0, r2);
  im[0] = vec_add(i0, i2);
  re[2] = vec_sub(r0, r2);
  im[2] = vec_sub(i0, i2);
  re[1] = vec_add(r1, i3);
  im[1] = vec_sub(i1, r3);
  re[3] = vec_sub(r1, i3);
  im[3] = vec_add(i1, r3);
}

/* Eight complex values, forward; with re and im exchanged it is the inverse without the factor 1/8. */
INLINE void spectral_complex(vec re[8], vec im[8]) {
  const vec s = vec_set(0.70710678118654752f), minus_s = vec_set(-0.70710678118654752f);
  vec even_re[4], even_im[4], odd_re[4], odd_im[4];
  UNROLL for (int k = 0; k < 4; k++) {
    even_re[k] = vec_add(re[k], re[k + 4]);
    even_im[k] = vec_add(im[k], im[k + 4]);
    odd_re[k] = vec_sub(re[k], re[k + 4]);
    odd_im[k] = vec_sub(im[k], im[k + 4]);
  }
  vec r = odd_re[1], i = odd_im[1];
  odd_re[1] = vec_mul(s, vec_add(r, i));
  odd_im[1] = vec_mul(s, vec_sub(i, r));
  r = odd_re[2];
  odd_re[2] = odd_im[2];
  odd_im[2] = vec_sub(vec_set(0), r);
  r = odd_re[3], i = odd_im[3];
  odd_re[3] = vec_mul(s, vec_sub(i, r));
  odd_im[3] = vec_mul(minus_s, vec_add(r, i));
  spectral_four(even_re, even_im);
  spectral_four(odd_re, odd_im);
  UNROLL for (int k = 0; k < 4; k++) {
    re[2 * k] = even_re[k];
    im[2 * k] = even_im[k];
    re[2 * k + 1] = odd_re[k];
    im[2 * k + 1] = odd_im[k];
  }
}

/* Filters a column of real values; filter points at row 0 of the column, rows `row` floats apart. */
static NOINLINE void spectral_real_column(float *column, const float *filter, size_t row) {
  vec v[8];
  UNROLL for (int i = 0; i < 8; i++) v[i] = vec_load(column + i * SPECTRAL_SIDE * LANES);
  spectral_real_forward(v);
  vec scale[SPECTRAL_HALF];
  UNROLL for (int u = 0; u < SPECTRAL_HALF; u++) scale[u] = vec_load(filter + (size_t)u * row);
  v[RE0] = vec_mul(v[RE0], scale[0]);
  v[RE1] = vec_mul(v[RE1], scale[1]);
  v[IM1] = vec_mul(v[IM1], scale[1]);
  v[RE2] = vec_mul(v[RE2], scale[2]);
  v[IM2] = vec_mul(v[IM2], scale[2]);
  v[RE3] = vec_mul(v[RE3], scale[3]);
  v[IM3] = vec_mul(v[IM3], scale[3]);
  v[RE4] = vec_mul(v[RE4], scale[4]);
  spectral_real_inverse(v);
  UNROLL for (int i = 0; i < 8; i++) vec_store(column + i * SPECTRAL_SIDE * LANES, v[i]);
}

/* Filters a column of complex values, the imaginary part one vector after the real part. */
static NOINLINE void spectral_complex_column(float *column, const float *filter, size_t row) {
  vec re[8], im[8];
  UNROLL for (int i = 0; i < 8; i++) {
    re[i] = vec_load(column + i * SPECTRAL_SIDE * LANES);
    im[i] = vec_load(column + i * SPECTRAL_SIDE * LANES + LANES);
  }
  spectral_complex(re, im);
  UNROLL for (int u = 0; u < 8; u++) {
    vec scale = vec_load(filter + (size_t)u * row);
    re[u] = vec_mul(re[u], scale);
    im[u] = vec_mul(im[u], scale);
  }
  spectral_complex(im, re);
  UNROLL for (int i = 0; i < 8; i++) {
    vec_store(column + i * SPECTRAL_SIDE * LANES, re[i]);
    vec_store(column + i * SPECTRAL_SIDE * LANES + LANES, im[i]);
  }
}

INLINE void spectral_columns(float *scratch, const float *filter, size_t pitch) {
  const size_t row = SPECTRAL_HALF * pitch;
  spectral_real_column(scratch + RE0 * LANES, filter, row);
  spectral_real_column(scratch + RE4 * LANES, filter + 4 * pitch, row);
  for (size_t k = 1; k < 4; k++) spectral_complex_column(scratch + 2 * k * LANES, filter + k * pitch, row);
}

/* Row i of a patch into its half spectrum. */
static NOINLINE void spectral_row_in(const evssm_spectral_args *args, ptrdiff_t i, size_t c, float *line) {
  const float *in = args->in + i * args->in_row + (ptrdiff_t)c;
  vec v[8];
  UNROLL for (int j = 0; j < 8; j++) v[j] = vec_load(in + j * args->in_pixel);
  spectral_real_forward(v);
  UNROLL for (int j = 0; j < 8; j++) vec_store(line + j * LANES, v[j]);
}

/* The half spectrum of row i back to pixels, added to the addend; whole rows straight from registers. */
static NOINLINE void spectral_row_out(const evssm_spectral_args *args, ptrdiff_t i, size_t c, float *line) {
  const ptrdiff_t start = i * args->out_row + (ptrdiff_t)c;
  vec v[8];
  UNROLL for (int j = 0; j < 8; j++) v[j] = vec_load(line + j * LANES);
  spectral_real_inverse(v);
  if (args->first_column == 0 && args->end_column == SPECTRAL_SIDE) {
    UNROLL for (int j = 0; j < 8; j++) v[j] = vec_add(vec_load(args->addend + start + j * args->out_pixel), v[j]);
    UNROLL for (int j = 0; j < 8; j++) vec_store(args->out + start + j * args->out_pixel, v[j]);
    return;
  }
  UNROLL for (int j = 0; j < 8; j++) vec_store(line + j * LANES, v[j]);
  for (size_t j = args->first_column; j < args->end_column; j++) {
    ptrdiff_t at = start + (ptrdiff_t)j * args->out_pixel;
    vec_store(args->out + at, vec_add(vec_load(args->addend + at), vec_load(line + j * LANES)));
  }
}

/* Asks for the lines of the result and of what is added to it, lanes [c, c + EVSSM_LANES), while the transforms run. */
static NOINLINE void spectral_prefetch(const evssm_spectral_args *args, size_t c) {
  for (ptrdiff_t i = (ptrdiff_t)args->first_row; i < (ptrdiff_t)args->end_row; i++) {
    for (ptrdiff_t j = (ptrdiff_t)args->first_column; j < (ptrdiff_t)args->end_column; j++) {
      const ptrdiff_t at = i * args->out_row + j * args->out_pixel + (ptrdiff_t)c;
      PREFETCH(args->addend + at);
      PREFETCH_WRITE(args->out + at);
    }
  }
}

static void spectral(const evssm_spectral_args *args) {
  float scratch[SPECTRAL_SIDE * SPECTRAL_SIDE * LANES] __attribute__((aligned(64)));
  const size_t line = SPECTRAL_SIDE * LANES;
  for (size_t c = 0; c < args->pitch; c += LANES) {
    if (c % EVSSM_LANES == 0) spectral_prefetch(args, c);
    for (size_t i = 0; i < SPECTRAL_SIDE; i++) spectral_row_in(args, (ptrdiff_t)i, c, scratch + i * line);
    spectral_columns(scratch, args->filter + c, args->pitch);
    for (size_t i = args->first_row; i < args->end_row; i++) {
      spectral_row_out(args, (ptrdiff_t)i, c, scratch + i * line);
    }
  }
}
