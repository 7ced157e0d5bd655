/* The selective scan: lanes are channels, the states of a vector of channels stay in registers. Time steps are computed
 * a block of positions ahead, apart from the recurrence, so that their long dependency chains overlap. */

#define SCAN_BLOCK 32
#define SCAN_GROUP 4

/* Time steps of `group` positions, lanes [c, c + LANES), into step[position][LANES]. */
INLINE void scan_steps(const evssm_scan_args *args, size_t c, const float *parameters, int group, float *step) {
  const ptrdiff_t stride = args->parameters_stride;
  const float *weight = args->dt_weight + c;
  vec x[SCAN_GROUP];
  UNROLL for (int l = 0; l < group; l++) x[l] = vec_load(args->dt_bias + c);
  _Pragma("clang loop unroll(disable)")
  for (size_t j = 0; j < args->rank; j++, weight += args->pitch) {
    vec w = vec_load(weight);
    UNROLL for (int l = 0; l < group; l++) x[l] = vec_fma(w, vec_set(parameters[l * stride + (ptrdiff_t)j]), x[l]);
  }
  UNROLL for (int l = 0; l < group; l++) vec_store(step + l * LANES, function_softplus(x[l]));
}

/* Time steps of a block of `count` positions. */
static NOINLINE void scan_block_steps(
    const evssm_scan_args *args, size_t c, const float *parameters, size_t count, float *step) {
  size_t l = 0;
  for (; l + SCAN_GROUP <= count; l += SCAN_GROUP) {
    scan_steps(args, c, parameters + (ptrdiff_t)l * args->parameters_stride, SCAN_GROUP, step + l * LANES);
  }
  for (; l < count; l++) {
    scan_steps(args, c, parameters + (ptrdiff_t)l * args->parameters_stride, 1, step + l * LANES);
  }
}

/* One position: advances the states and returns y. `b` points at B and then C of the position. */
INLINE vec scan_position(vec state[EVSSM_STATES], const vec a[EVSSM_STATES], vec d, vec step, vec u, const float *b) {
  vec input = vec_mul(step, u);
  vec even = vec_mul(d, u), odd = vec_set(0);
  UNROLL for (int n = 0; n < EVSSM_STATES; n++) {
    vec decay = function_decay(vec_mul(step, a[n]));
    state[n] = vec_fma(decay, state[n], vec_mul(input, vec_set(b[n])));
    vec *sum = n % 2 ? &odd : &even;
    *sum = vec_fma(state[n], vec_set(b[EVSSM_STATES + n]), *sum);
  }
  return vec_add(even, odd);
}

/* Lanes [c, c + LANES) over all positions. */
INLINE void scan_lanes(const evssm_scan_args *args, size_t c) {
  float step[SCAN_BLOCK * LANES] __attribute__((aligned(64)));
  vec a[EVSSM_STATES], state[EVSSM_STATES], d = vec_load(args->d + c);
  UNROLL for (int n = 0; n < EVSSM_STATES; n++) {
    a[n] = vec_min(vec_set(0), vec_load(args->a + (size_t)n * args->pitch + c));
    state[n] = vec_load(args->state + (size_t)n * args->pitch + c);
  }
  const float *u = args->u + c, *parameters = args->parameters;
  float *y = args->y + c;
  for (size_t done = 0; done < args->positions; done += SCAN_BLOCK) {
    size_t count = args->positions - done < SCAN_BLOCK ? args->positions - done : SCAN_BLOCK;
    scan_block_steps(args, c, parameters, count, step);
    for (size_t l = 0; l < count; l++) {
      vec out = scan_position(state, a, d, vec_load(step + l * LANES), vec_load(u), parameters + args->rank);
      vec_store(y, out);
      u += args->u_stride;
      y += args->y_stride;
      parameters += args->parameters_stride;
    }
  }
  UNROLL for (int n = 0; n < EVSSM_STATES; n++) vec_store(args->state + (size_t)n * args->pitch + c, state[n]);
}

static void scan(const evssm_scan_args *args) {
  for (size_t c = args->first; c < args->first + args->count; c += LANES) scan_lanes(args, c);
}
