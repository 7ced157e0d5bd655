/* Norms over the channels of a pixel. Sums run in two chains over the vectors of a pixel, then across lanes. */

INLINE size_t norm_pitch(size_t channels) { return (channels + EVSSM_LANES - 1) / EVSSM_LANES * EVSSM_LANES; }

INLINE float norm_inverse_root(float x) { return 1 / __builtin_elementwise_sqrt(x); }

static void rms_norm(const evssm_rms_args *args) {
  const size_t pitch = norm_pitch(args->channels);
  const float share = 1 / (float)args->channels;
  for (size_t p = 0; p < args->pixels; p++) {
    const float *in = args->in + (ptrdiff_t)p * args->in_stride;
    float *out = args->out + (ptrdiff_t)p * args->out_stride;
    vec even = vec_set(0), odd = vec_set(0);
    size_t c = 0;
    for (; c + 2 * LANES <= pitch; c += 2 * LANES) {
      vec x = vec_load(in + c), y = vec_load(in + c + LANES);
      even = vec_fma(x, x, even);
      odd = vec_fma(y, y, odd);
    }
    if (c < pitch) even = vec_fma(vec_load(in + c), vec_load(in + c), even);
    vec scale = vec_set(norm_inverse_root(vec_sum(vec_add(even, odd)) * share + args->epsilon));
    for (c = 0; c < pitch; c += LANES) vec_store(out + c, vec_mul(vec_load(in + c), scale));
  }
}

/* y - mean in the lanes of [c, c + LANES) that are channels, zero in the others. */
INLINE vec norm_deviation(const float *y, size_t c, size_t channels, vec mean) {
  vec deviation = vec_sub(vec_load(y + c), mean);
  if (c + LANES <= channels) return deviation;
  return vec_first(deviation, c < channels ? channels - c : 0);
}

static void layer_norm(const evssm_layer_norm_args *args) {
  const size_t channels = args->channels, pitch = norm_pitch(channels);
  const float share = 1 / (float)channels;
  for (size_t p = 0; p < args->pixels; p++) {
    float *y = args->y + (ptrdiff_t)p * args->stride;
    vec even = vec_set(0), odd = vec_set(0);
    size_t c = 0;
    for (; c + 2 * LANES <= pitch; c += 2 * LANES) {
      even = vec_add(even, vec_load(y + c));
      odd = vec_add(odd, vec_load(y + c + LANES));
    }
    if (c < pitch) even = vec_add(even, vec_load(y + c));
    const vec mean = vec_set(vec_sum(vec_add(even, odd)) * share);
    even = odd = vec_set(0);
    for (c = 0; c + 2 * LANES <= pitch; c += 2 * LANES) {
      vec first = norm_deviation(y, c, channels, mean), second = norm_deviation(y, c + LANES, channels, mean);
      even = vec_fma(first, first, even);
      odd = vec_fma(second, second, odd);
    }
    if (c < pitch) {
      vec last = norm_deviation(y, c, channels, mean);
      even = vec_fma(last, last, even);
    }
    const vec scale = vec_set(norm_inverse_root(vec_sum(vec_add(even, odd)) * share + args->epsilon));
    for (c = 0; c < pitch; c += LANES) {
      vec deviation = vec_mul(norm_deviation(y, c, channels, mean), scale);
      vec_store(y + c, vec_fma(deviation, vec_load(args->weight + c), vec_load(args->bias + c)));
    }
  }
}
