/* The kernels around the matrices of a plan in reduced precision: they round what the matrices read, and their GELU is
 * the coarse one. */

static void rms_norm_bf16(const evssm_rms_bf16_args *args) {
  const size_t pitch = norm_pitch(args->channels);
  const float share = 1 / (float)args->channels;
  for (size_t p = 0; p < args->pixels; p++) {
    const float *in = args->in + (ptrdiff_t)p * args->in_stride;
    uint16_t *out = args->out + (ptrdiff_t)p * args->out_stride;
    const vec scale = rms_norm_scale(in, in + NORM_AHEAD * args->in_stride, pitch, share, args->epsilon);
    for (size_t c = 0; c < pitch; c += LANES) vec_store_rounded(out + c, vec_mul(vec_load(in + c), scale));
  }
}

static void depthwise_gate_bf16(const evssm_gate_bf16_args *args) {
  if (args->pixels == 0) return;
  const ptrdiff_t stride = args->row_stride;
  const size_t pitch = args->pitch;
  for (size_t c = 0; c < pitch; c += LANES) {
    const float *const rows_a[3] = {args->row[0] + c, args->row[1] + c, args->row[2] + c};
    const float *const rows_b[3] = {rows_a[0] + pitch, rows_a[1] + pitch, rows_a[2] + pitch};
    const float *weight = args->weight + c, *bias = args->bias ? args->bias + c : NULL;
    depthwise_state a, b;
    depthwise_begin(&a, weight, bias, 2 * pitch, rows_a, stride);
    depthwise_begin(&b, weight + pitch, bias ? bias + pitch : NULL, 2 * pitch, rows_b, stride);
    uint16_t *rounded = args->rounded + c;
    for (ptrdiff_t x = 0; x < (ptrdiff_t)args->pixels; x++, rounded += args->rounded_stride) {
      vec gate = function_gelu_reduced(depthwise_next(&a, rows_a, x, stride));
      vec_store_rounded(rounded, vec_mul(gate, depthwise_next(&b, rows_b, x, stride)));
    }
  }
}

static void round_bf16(const evssm_round_args *args) {
  for (size_t i = 0; i < args->count; i += LANES) vec_store_rounded(args->out + i, vec_load(args->in + i));
}

static void map_gelu_reduced(const evssm_map_args *args) {
  for (size_t i = 0; i < args->count; i += LANES) {
    vec_store(args->out + i, function_gelu_reduced(vec_load(args->in + i)));
  }
}
