/* The convolution along the scan order. */

static void taps(const evssm_taps_args *args) {
  for (size_t c = 0; c < args->pitch; c += LANES) {
    vec weight[EVSSM_TAPS];
    UNROLL for (int k = 0; k < EVSSM_TAPS; k++) weight[k] = vec_load(args->weight + (size_t)k * args->pitch + c);
    vec bias = vec_load(args->bias + c);
    const float *in = args->in + c - (EVSSM_TAPS / 2) * args->in_stride;
    float *out = args->out + c;
    for (size_t l = 0; l < args->positions; l++, in += args->in_stride, out += args->out_stride) {
      vec sum = bias;
      UNROLL for (int k = 0; k < EVSSM_TAPS; k++) sum = vec_fma(weight[k], vec_load(in + k * args->in_stride), sum);
      vec_store(out, sum);
    }
  }
}
