/* Pixel rows mixed, halved and doubled. */

/* How many pixels ahead the maps are asked for. */
#define BLEND_AHEAD 8

INLINE void blend_prefetch(const evssm_blend_args *args, const float *addend, const float *out, size_t c) {
  if (addend) PREFETCH(addend + BLEND_AHEAD * args->addend_stride + c);
  PREFETCH_WRITE(out + BLEND_AHEAD * args->out_stride + c);
}

static void blend(const evssm_blend_args *args) {
  for (size_t p = 0; p < args->pixels; p++) {
    const float *in = args->in + (ptrdiff_t)p * args->in_stride;
    const float *addend = args->addend ? args->addend + (ptrdiff_t)p * args->addend_stride : NULL;
    float *out = args->out + (ptrdiff_t)p * args->out_stride;
    vec scale = vec_set(args->scale ? args->scale[p] : 1);
    for (size_t c = 0; c < args->pitch; c += EVSSM_LANES) blend_prefetch(args, addend, out, c);
    for (size_t c = 0; c < args->pitch; c += LANES) {
      vec v = vec_load(in + c);
      vec_store(out + c, addend ? vec_fma(scale, v, vec_load(addend + c)) : vec_mul(scale, v));
    }
  }
}

static void halve(const evssm_halve_args *args) {
  for (size_t p = 0; p < args->pixels; p++) {
    const float *top = args->top + 2 * (ptrdiff_t)p * args->in_stride;
    const float *bottom = args->bottom + 2 * (ptrdiff_t)p * args->in_stride;
    float *out = args->out + (ptrdiff_t)p * args->out_stride;
    for (size_t c = 0; c < args->pitch; c += LANES) {
      vec upper = vec_add(vec_load(top + c), vec_load(top + args->in_stride + c));
      vec lower = vec_add(vec_load(bottom + c), vec_load(bottom + args->in_stride + c));
      vec_store(out + c, vec_mul(vec_add(upper, lower), vec_set(0.25f)));
    }
  }
}

/* Lanes from c on of the two rows' mix at pixel p. */
INLINE vec double_mix(const evssm_double_args *args, size_t p, size_t c) {
  ptrdiff_t at = (ptrdiff_t)p * args->in_stride + (ptrdiff_t)c;
  vec far_part = vec_mul(vec_set(1 - args->near_weight), vec_load(args->far_row + at));
  return vec_fma(vec_set(args->near_weight), vec_load(args->near_row + at), far_part);
}

static void double_row(const evssm_double_args *args) {
  if (args->pixels == 0) return;
  vec quarter = vec_set(0.25f), rest = vec_set(0.75f);
  for (size_t c = 0; c < args->pitch; c += LANES) {
    vec here = double_mix(args, 0, c), before = here;
    for (size_t p = 0; p < args->pixels; p++) {
      vec after = p + 1 < args->pixels ? double_mix(args, p + 1, c) : here;
      float *out = args->out + 2 * (ptrdiff_t)p * args->out_stride + c;
      vec own = vec_mul(rest, here);
      vec_store(out, vec_fma(quarter, before, own));
      vec_store(out + args->out_stride, vec_fma(quarter, after, own));
      before = here;
      here = after;
    }
  }
}

/* The mixed rows at one pixel, a vector for each column of taps. */
typedef struct {
  vec v[3];
} double_mixed;

INLINE double_mixed double_products_at(const evssm_double_products_args *args, ptrdiff_t p, size_t c) {
  double_mixed mixed;
  UNROLL for (int j = 0; j < 3; j++) {
    vec sum = vec_set(0);
    UNROLL for (int i = 0; i < 3; i++) {
      const ptrdiff_t at = p * args->in_stride + (ptrdiff_t)((size_t)(3 * i + j) * args->pitch + c);
      sum = vec_fma(vec_set(args->weight[i][0]), vec_load(args->row[i][0] + at), sum);
      sum = vec_fma(vec_set(args->weight[i][1]), vec_load(args->row[i][1] + at), sum);
    }
    mixed.v[j] = sum;
  }
  return mixed;
}

/* sum + near_weight * near + far_weight * far. */
INLINE vec double_add(vec sum, float near_weight, vec near, float far_weight, vec far) {
  return vec_fma(vec_set(far_weight), far, vec_fma(vec_set(near_weight), near, sum));
}

static void double_products(const evssm_double_products_args *args) {
  if (args->pixels == 0) return;
  const ptrdiff_t last = (ptrdiff_t)args->pixels - 1;
  for (size_t c = 0; c < args->pitch; c += LANES) {
    double_mixed here = double_products_at(args, 0, c), before = here;
    if (!args->starts) before = double_products_at(args, -1, c);
    for (ptrdiff_t p = 0; p <= last; p++) {
      const int is_first = args->starts && p == 0, is_last = args->ends && p == last;
      const double_mixed after = is_last ? here : double_products_at(args, p + 1, c);
      const ptrdiff_t at = 2 * p * args->out_stride + (ptrdiff_t)c;
      vec even = double_add(vec_load(args->addend + at), 0.75f, here.v[1], 0.25f, before.v[1]);
      vec odd = double_add(vec_load(args->addend + at + args->out_stride), 0.75f, here.v[1], 0.25f, after.v[1]);
      if (!is_first) even = double_add(even, 0.75f, before.v[0], 0.25f, here.v[0]);
      odd = double_add(odd, 0.75f, here.v[0], 0.25f, before.v[0]);
      even = double_add(even, 0.75f, here.v[2], 0.25f, after.v[2]);
      if (!is_last) odd = double_add(odd, 0.75f, after.v[2], 0.25f, here.v[2]);
      vec_store(args->out + at, even);
      vec_store(args->out + at + args->out_stride, odd);
      before = here;
      here = after;
    }
  }
}
