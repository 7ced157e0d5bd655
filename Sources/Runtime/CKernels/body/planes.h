/* Maps whose planes are dense: windows over rows of one plane, and norms across planes. */

/* The sums of `vectors` vectors of outputs from x on. */
INLINE void window_sums(const evssm_window_args *args, size_t x, int vectors) {
  vec sum[4];
  UNROLL for (int v = 0; v < vectors; v++) sum[v] = vec_set(args->bias);
  const float *weight = args->weight;
  for (size_t i = 0; i < args->rows; i++) {
    const float *row = args->row[i] + x;
    for (size_t j = 0; j < args->columns; j++, row += args->dilation, weight++) {
      vec w = vec_set(*weight);
      UNROLL for (int v = 0; v < vectors; v++) sum[v] = vec_fma(w, vec_load(row + v * LANES), sum[v]);
    }
  }
  UNROLL for (int v = 0; v < vectors; v++) vec_store(args->out + x + v * LANES, sum[v]);
}

static void window_row(const evssm_window_args *args) {
  size_t x = 0;
  for (; x + 4 * LANES <= args->count; x += 4 * LANES) window_sums(args, x, 4);
  for (; x + LANES <= args->count; x += LANES) window_sums(args, x, 1);
  if (x == args->count) return;
  size_t left = args->count - x;
  vec sum = vec_set(args->bias);
  const float *weight = args->weight;
  for (size_t i = 0; i < args->rows; i++) {
    for (size_t j = 0; j < args->columns; j++, weight++) {
      sum = vec_fma(vec_set(*weight), row_end(args->row[i] + x + j * args->dilation, left), sum);
    }
  }
  row_store_end(args->out + x, sum, left);
}

INLINE vec plane_load(const float *in, size_t count) { return count == LANES ? vec_load(in) : row_end(in, count); }

INLINE void plane_store(float *out, vec v, size_t count) {
  if (count == LANES)
    vec_store(out, v);
  else
    row_store_end(out, v, count);
}

/* One vector of positions: mean and variance over the channels, then each channel. */
INLINE void plane_norm_vector(const evssm_plane_norm_args *args, size_t p, size_t count) {
  const float *in = args->in + p;
  const vec share = vec_set(1 / (float)args->channels);
  vec mean = vec_set(0), square = vec_set(0);
  for (size_t c = 0; c < args->channels; c++)
    mean = vec_add(mean, plane_load(in + (ptrdiff_t)c * args->in_stride, count));
  mean = vec_mul(mean, share);
  for (size_t c = 0; c < args->channels; c++) {
    vec d = vec_sub(plane_load(in + (ptrdiff_t)c * args->in_stride, count), mean);
    square = vec_fma(d, d, square);
  }
  vec deviation = elementwise_sqrt(vec_add(vec_mul(square, share), vec_set(args->epsilon)));
  vec scale = vec_div(vec_set(1), deviation);
  for (size_t c = 0; c < args->channels; c++) {
    vec v = vec_mul(vec_sub(plane_load(in + (ptrdiff_t)c * args->in_stride, count), mean), scale);
    if (args->weight) v = vec_mul(v, vec_set(args->weight[c]));
    if (args->bias) v = vec_add(v, vec_set(args->bias[c]));
    plane_store(args->out + (ptrdiff_t)c * args->out_stride + p, v, count);
  }
}

static void plane_norm(const evssm_plane_norm_args *args) {
  size_t p = 0;
  for (; p + LANES <= args->count; p += LANES) plane_norm_vector(args, p, LANES);
  if (p < args->count) plane_norm_vector(args, p, args->count - p);
}
