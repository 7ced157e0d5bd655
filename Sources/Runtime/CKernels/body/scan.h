/* The selective scan: lanes are channels, the states of a vector of channels stay in registers. Time steps are computed
 * a block of positions ahead, apart from the recurrence, so that their long dependency chains overlap. */

#define SCAN_BLOCK (EVSSM_SIMD_REGISTERS >= 32 ? 32 : 16)
#define SCAN_GROUP 4

/* Time steps of `group` positions, lanes [c, c + LANES), into step[position][LANES]. */
INLINE void scan_steps(const evssm_scan_args *args, size_t c, const float *parameters, int group, float *step,
                       int is_reduced) {
  const ptrdiff_t stride = args->parameters_stride;
  const float *weight = args->dt_weight + c;
  vec x[SCAN_GROUP];
  UNROLL for (int l = 0; l < group; l++) x[l] = vec_load(args->dt_bias + c);
  _Pragma("clang loop unroll(disable)") for (size_t j = 0; j < args->rank; j++, weight += args->pitch) {
    vec w = vec_load(weight);
    UNROLL for (int l = 0; l < group; l++) x[l] = vec_fma(w, vec_set(parameters[l * stride + (ptrdiff_t)j]), x[l]);
  }
  UNROLL for (int l = 0; l < group; l++) {
    vec_store(step + l * LANES, is_reduced ? function_softplus_reduced(x[l]) : function_softplus(x[l]));
  }
}

/* Time steps of a block of `count` positions. */
INLINE void scan_all_steps(const evssm_scan_args *args, size_t c, const float *parameters, size_t count, float *step,
                           int is_reduced) {
  size_t l = 0;
  for (; l + SCAN_GROUP <= count; l += SCAN_GROUP) {
    scan_steps(args, c, parameters + (ptrdiff_t)l * args->parameters_stride, SCAN_GROUP, step + l * LANES, is_reduced);
  }
  for (; l < count; l++) {
    scan_steps(args, c, parameters + (ptrdiff_t)l * args->parameters_stride, 1, step + l * LANES, is_reduced);
  }
}

static NOINLINE void scan_block_steps(const evssm_scan_args *args, size_t c, const float *parameters, size_t count,
                                      float *step) {
  scan_all_steps(args, c, parameters, count, step, 0);
}

static NOINLINE void scan_block_steps_reduced(const evssm_scan_args *args, size_t c, const float *parameters,
                                              size_t count, float *step) {
  scan_all_steps(args, c, parameters, count, step, 1);
}

/* Where a block of positions lies, lanes [c, c + LANES). */
typedef struct {
  const float *u;
  float *y;
  const float *parameters; /* B and then C */
  size_t count;
} scan_block;

/* How many positions ahead lines are asked for: half of them another core has written. */
#define SCAN_AHEAD 16

INLINE void scan_next(const evssm_scan_args *args, scan_block *block) {
  block->u += args->u_stride;
  block->y += args->y_stride;
  block->parameters += args->parameters_stride;
  PREFETCH_WRITE(block->y + SCAN_AHEAD * args->y_stride);
}

/* One state of one position: h = decay * h + input * b, and sum + h * c. */
INLINE vec scan_advance(vec *state, vec decay, vec input, const float *b, vec sum) {
  *state = vec_fma(decay, *state, vec_mul(input, vec_set(b[0])));
  return vec_fma(*state, vec_set(b[EVSSM_STATES]), sum);
}

#if EVSSM_SIMD_REGISTERS >= 32

/* The recurrence over a block; decays are made where they are used. */
INLINE void scan_run(const evssm_scan_args *args, const vec a[EVSSM_STATES], vec d, const float *step, vec *state,
                     scan_block block, int is_reduced) {
  for (size_t l = 0; l < block.count; l++, scan_next(args, &block)) {
    vec time = vec_load(step + l * LANES), u = vec_load(block.u);
    vec input = vec_mul(time, u), sum[2] = {vec_mul(d, u), vec_set(0)};
    UNROLL for (int n = 0; n < EVSSM_STATES; n++) {
      vec exponent = vec_mul(time, a[n]);
      vec decay = is_reduced ? function_decay_reduced(exponent) : function_decay(exponent);
      sum[n % 2] = scan_advance(&state[n], decay, input, block.parameters + n, sum[n % 2]);
    }
    vec_store(block.y, vec_add(sum[0], sum[1]));
  }
}

#else

/* Decays of a block of `count` positions into decay[position][state][LANES]: with few registers, the constants of the
 * exponential and the states would push each other out. */
static NOINLINE void scan_decays(const vec a[EVSSM_STATES], const float *step, size_t count, float *decay) {
  for (size_t n = 0; n < EVSSM_STATES; n++) {
    float *out = decay + n * LANES;
    for (size_t l = 0; l < count; l++, out += EVSSM_STATES * LANES) {
      vec_store(out, function_decay(vec_mul(vec_load(step + l * LANES), a[n])));
    }
  }
}

INLINE void scan_run(const evssm_scan_args *args, const vec a[EVSSM_STATES], vec d, const float *step, vec *state,
                     scan_block block, int is_reduced) {
  float decay[SCAN_BLOCK * EVSSM_STATES * LANES] __attribute__((aligned(64)));
  (void)is_reduced;
  scan_decays(a, step, block.count, decay);
  for (size_t l = 0; l < block.count; l++, scan_next(args, &block)) {
    const float *decays = decay + l * EVSSM_STATES * LANES;
    vec u = vec_load(block.u);
    vec input = vec_mul(vec_load(step + l * LANES), u), sum[2] = {vec_mul(d, u), vec_set(0)};
    UNROLL for (int n = 0; n < EVSSM_STATES; n++) {
      sum[n % 2] = scan_advance(&state[n], vec_load(decays + n * LANES), input, block.parameters + n, sum[n % 2]);
    }
    vec_store(block.y, vec_add(sum[0], sum[1]));
  }
}

#endif

/* Lanes [c, c + LANES) over all positions. */
INLINE void scan_lanes(const evssm_scan_args *args, size_t c, int is_reduced) {
  float step[SCAN_BLOCK * LANES] __attribute__((aligned(64)));
  vec a[EVSSM_STATES], state[EVSSM_STATES], d = vec_load(args->d + c);
  UNROLL for (int n = 0; n < EVSSM_STATES; n++) {
    a[n] = vec_min(vec_set(0), vec_load(args->a + (size_t)n * args->pitch + c));
    state[n] = vec_load(args->state + (size_t)n * args->pitch + c);
  }
  for (size_t done = 0; done < args->positions; done += SCAN_BLOCK) {
    const float *parameters = args->parameters + (ptrdiff_t)done * args->parameters_stride;
    size_t left = args->positions - done;
    scan_block block = {args->u + (ptrdiff_t)done * args->u_stride + c, args->y + (ptrdiff_t)done * args->y_stride + c,
                        parameters + args->rank, left < SCAN_BLOCK ? left : SCAN_BLOCK};
    if (is_reduced) {
      scan_block_steps_reduced(args, c, parameters, block.count, step);
    } else {
      scan_block_steps(args, c, parameters, block.count, step);
    }
    scan_run(args, a, d, step, state, block, is_reduced);
  }
  UNROLL for (int n = 0; n < EVSSM_STATES; n++) vec_store(args->state + (size_t)n * args->pitch + c, state[n]);
}

static void scan(const evssm_scan_args *args) {
  for (size_t c = args->first; c < args->first + args->count; c += LANES) scan_lanes(args, c, 0);
}

#ifdef EVSSM_SIMD_HAS_REDUCED
static void scan_reduced(const evssm_scan_args *args) {
  for (size_t c = args->first; c < args->first + args->count; c += LANES) scan_lanes(args, c, 1);
}
#else
static void scan_reduced(const evssm_scan_args *args) { scan(args); }
#endif
