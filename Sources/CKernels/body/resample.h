/* Pixel rows mixed, halved and doubled. */

static void blend(const evssm_blend_args *args) {
  for (size_t p = 0; p < args->pixels; p++) {
    const float *in = args->in + (ptrdiff_t)p * args->in_stride;
    const float *addend = args->addend ? args->addend + (ptrdiff_t)p * args->addend_stride : NULL;
    float *out = args->out + (ptrdiff_t)p * args->out_stride;
    vec scale = vec_set(args->scale ? args->scale[p] : 1);
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
