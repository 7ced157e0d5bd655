/* The selective scan: lanes are channels, the states of a vector of channels stay in registers. Time steps are computed
 * a block of positions ahead, apart from the recurrence, so that their long dependency chains overlap. */

#define SCAN_BLOCK 32

/* Time steps of `count` positions, lanes [c, c + LANES), into step[position][LANES]. */
INLINE void scan_steps(const evssm_scan_args *args, size_t c, const float *parameters, size_t count, float *step) {
  const float *weight = args->dt_weight + c;
  vec bias = vec_load(args->dt_bias + c);
  for (size_t l = 0; l < count; l++, parameters += args->parameters_stride) {
    vec x = bias;
    for (size_t j = 0; j < args->rank; j++) {
      x = vec_fma(vec_load(weight + j * args->pitch), vec_set(parameters[j]), x);
    }
    vec_store(step + l * LANES, function_softplus(x));
  }
}

/* One position: advances the states and returns y. `b` points at B and then C of the position. */
INLINE vec scan_position(vec state[EVSSM_STATES], const vec a[EVSSM_STATES], vec d, vec step, vec u, const float *b) {
  vec input = vec_mul(step, u);
  vec even = vec_mul(d, u), odd = vec_set(0);
  UNROLL for (int n = 0; n < EVSSM_STATES; n++) {
    vec decay = function_exp2(vec_mul(step, a[n]));
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
    a[n] = vec_load(args->a + (size_t)n * args->pitch + c);
    state[n] = vec_load(args->state + (size_t)n * args->pitch + c);
  }
  const float *u = args->u + c, *parameters = args->parameters;
  float *y = args->y + c;
  for (size_t done = 0; done < args->positions; done += SCAN_BLOCK) {
    size_t count = args->positions - done < SCAN_BLOCK ? args->positions - done : SCAN_BLOCK;
    scan_steps(args, c, parameters, count, step);
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
