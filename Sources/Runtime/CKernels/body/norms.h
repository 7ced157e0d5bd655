/* Norms over the channels of a pixel. Sums run in two chains over the vectors of a pixel, then across lanes. */

INLINE size_t norm_pitch(size_t channels) { return (channels + EVSSM_LANES - 1) / EVSSM_LANES * EVSSM_LANES; }

INLINE float norm_inverse_root(float x) { return 1 / __builtin_elementwise_sqrt(x); }

/* How many pixels ahead the map is asked for. */
#define NORM_AHEAD 8

/* What a pixel is multiplied by to have a mean square of one; asks for the pixel at `ahead`. */
INLINE vec rms_norm_scale(const float *in, const float *ahead, size_t pitch, float share, float epsilon) {
  vec even = vec_set(0), odd = vec_set(0);
  size_t c = 0;
  for (; c + 2 * LANES <= pitch; c += 2 * LANES) {
    PREFETCH(ahead + c);
    if (LANES == EVSSM_LANES) PREFETCH(ahead + c + LANES);
    vec x = vec_load(in + c), y = vec_load(in + c + LANES);
    even = vec_fma(x, x, even);
    odd = vec_fma(y, y, odd);
  }
  if (c < pitch) {
    PREFETCH(ahead + c);
    even = vec_fma(vec_load(in + c), vec_load(in + c), even);
  }
  return vec_set(norm_inverse_root(vec_sum(vec_add(even, odd)) * share + epsilon));
}

static void rms_norm(const evssm_rms_args *args) {
  const size_t pitch = norm_pitch(args->channels);
  const float share = 1 / (float)args->channels;
  for (size_t p = 0; p < args->pixels; p++) {
    const float *in = args->in + (ptrdiff_t)p * args->in_stride;
    float *out = args->out + (ptrdiff_t)p * args->out_stride;
    const vec scale = rms_norm_scale(in, in + NORM_AHEAD * args->in_stride, pitch, share, args->epsilon);
    for (size_t c = 0; c < pitch; c += LANES) vec_store(out + c, vec_mul(vec_load(in + c), scale));
  }
}

/* The lanes beyond the channels hold zeros, which the sum may include. */
INLINE float norm_mean(const float *y, size_t channels, float share) {
  vec even = vec_set(0), odd = vec_set(0);
  size_t c = 0;
  for (; c + 2 * LANES <= channels; c += 2 * LANES) {
    even = vec_add(even, vec_load(y + c));
    odd = vec_add(odd, vec_load(y + c + LANES));
  }
  for (; c < channels; c += LANES) even = vec_add(even, vec_load(y + c));
  return vec_sum(vec_add(even, odd)) * share;
}

/* y - mean in the first `count` lanes, zero in the others. */
INLINE vec norm_tail(const float *y, vec mean, size_t count) {
  return vec_first(vec_sub(vec_load(y), mean), count < LANES ? count : LANES);
}

INLINE float norm_variance(const float *y, size_t channels, vec mean, float share) {
  vec even = vec_set(0), odd = vec_set(0);
  size_t c = 0;
  for (; c + 2 * LANES <= channels; c += 2 * LANES) {
    vec first = vec_sub(vec_load(y + c), mean), second = vec_sub(vec_load(y + c + LANES), mean);
    even = vec_fma(first, first, even);
    odd = vec_fma(second, second, odd);
  }
  for (; c < channels; c += LANES) {
    vec last = norm_tail(y + c, mean, channels - c);
    even = vec_fma(last, last, even);
  }
  return vec_sum(vec_add(even, odd)) * share;
}

static void layer_norm(const evssm_layer_norm_args *args) {
  const size_t channels = args->channels, pitch = norm_pitch(channels);
  const float share = 1 / (float)channels;
  for (size_t p = 0; p < args->pixels; p++) {
    float *y = args->y + (ptrdiff_t)p * args->stride;
    for (size_t c = 0; c < pitch; c += EVSSM_LANES) PREFETCH_WRITE(y + NORM_AHEAD * args->stride + c);
    const vec mean = vec_set(norm_mean(y, channels, share));
    const vec scale = vec_set(norm_inverse_root(norm_variance(y, channels, mean, share) + args->epsilon));
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
      vec normal = vec_mul(vec_sub(vec_load(y + c), mean), scale);
      vec_store(y + c, vec_fma(normal, vec_load(args->weight + c), vec_load(args->bias + c)));
    }
    for (; c < pitch; c += LANES) {
      vec normal = vec_mul(norm_tail(y + c, mean, channels > c ? channels - c : 0), scale);
      vec_store(y + c, vec_fma(normal, vec_load(args->weight + c), vec_load(args->bias + c)));
    }
  }
}
