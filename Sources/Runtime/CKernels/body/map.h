/* Elementwise functions over a buffer, and the multiply-add probe. */

static void map_gelu(const evssm_map_args *args) {
  for (size_t i = 0; i < args->count; i += LANES) vec_store(args->out + i, function_gelu(vec_load(args->in + i)));
}

static void map_softplus(const evssm_map_args *args) {
  for (size_t i = 0; i < args->count; i += LANES) vec_store(args->out + i, function_softplus(vec_load(args->in + i)));
}

static void map_exp2(const evssm_map_args *args) {
  for (size_t i = 0; i < args->count; i += LANES) vec_store(args->out + i, function_exp2(vec_load(args->in + i)));
}

/* More chains than latency times throughput of any known core, few enough for 16 registers. */
#define PEAK_CHAINS 12

static double peak(const evssm_peak_args *args) {
  vec chain[PEAK_CHAINS];
  vec factor = vec_load(args->sink), term = vec_load(args->sink + 16 - LANES);
  UNROLL for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = vec_set((float)i);
  for (size_t round = 0; round < args->iterations; round++) {
    UNROLL for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = vec_fma(chain[i], factor, term);
  }
  UNROLL for (int i = 1; i < PEAK_CHAINS; i++) chain[0] = vec_add(chain[0], chain[i]);
  vec_store(args->sink, chain[0]);
  return (double)args->iterations * PEAK_CHAINS * LANES;
}
