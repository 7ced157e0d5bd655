/* Depthwise 3x3 along a row of pixels. The weights of a vector of channels stay in registers; each column of three
 * inputs is loaded once and adds to the three outputs it reaches. */

typedef struct {
  vec weight[9];
  vec bias;
  vec sum[2]; /* outputs x and x + 1, begun by the columns before x + 1 */
} depthwise_state;

/* Column x of the three rows: `rows` point at pixel 0, lane 0 of the vector. */
INLINE void depthwise_column(const float *const rows[3], ptrdiff_t at, vec column[3]) {
  UNROLL for (int i = 0; i < 3; i++) column[i] = vec_load(rows[i] + at);
}

/* sum + the products of a column with column j of the weights. */
INLINE vec depthwise_add(const depthwise_state *state, int j, const vec column[3], vec sum) {
  UNROLL for (int i = 0; i < 3; i++) sum = vec_fma(state->weight[3 * i + j], column[i], sum);
  return sum;
}

INLINE void depthwise_begin(depthwise_state *state, const float *weight, const float *bias, size_t width,
                            const float *const rows[3], ptrdiff_t stride) {
  UNROLL for (int k = 0; k < 9; k++) state->weight[k] = vec_load(weight + (size_t)k * width);
  state->bias = bias ? vec_load(bias) : vec_set(0);
  vec column[3];
  depthwise_column(rows, -stride, column);
  vec first = depthwise_add(state, 0, column, state->bias);
  depthwise_column(rows, 0, column);
  state->sum[0] = depthwise_add(state, 1, column, first);
  state->sum[1] = depthwise_add(state, 0, column, state->bias);
}

/* How many pixels ahead the rows are asked for. */
#define DEPTHWISE_AHEAD 8

/* Takes column x + 1 of rows of pixels `stride` apart and returns the sum of output x. */
INLINE vec depthwise_next(depthwise_state *state, const float *const rows[3], ptrdiff_t x, ptrdiff_t stride) {
  const ptrdiff_t at = (x + 1) * stride;
  UNROLL for (int i = 0; i < 3; i++) PREFETCH(rows[i] + at + DEPTHWISE_AHEAD * stride);
  vec column[3];
  depthwise_column(rows, at, column);
  vec done = depthwise_add(state, 2, column, state->sum[0]);
  state->sum[0] = depthwise_add(state, 1, column, state->sum[1]);
  state->sum[1] = depthwise_add(state, 0, column, state->bias);
  return done;
}

/* One half of the channels of a call, lanes [c, c + LANES). */
typedef struct {
  const float *rows[3];
  const float *weight, *bias;
  size_t width; /* of a row of weights */
} depthwise_half;

INLINE depthwise_half depthwise_half_at(const evssm_depthwise_args *args, size_t c, size_t width) {
  depthwise_half half = {.weight = args->weight + c, .bias = args->bias ? args->bias + c : NULL, .width = width};
  UNROLL for (int i = 0; i < 3; i++) half.rows[i] = args->row[i] + c;
  return half;
}

INLINE void depthwise_start(depthwise_state *state, const evssm_depthwise_args *args, const depthwise_half *half) {
  depthwise_begin(state, half->weight, half->bias, half->width, half->rows, args->row_stride);
}

#if EVSSM_SIMD_REGISTERS >= 32

INLINE void depthwise_gelu_lanes(const evssm_depthwise_args *args, size_t c, int is_reduced) {
  const depthwise_half half = depthwise_half_at(args, c, args->pitch);
  depthwise_state state;
  depthwise_start(&state, args, &half);
  float *out = args->out + c;
  for (ptrdiff_t x = 0; x < (ptrdiff_t)args->pixels; x++, out += args->out_stride) {
    vec sum = depthwise_next(&state, half.rows, x, args->row_stride);
    vec_store(out, is_reduced ? function_gelu_reduced(sum) : function_gelu(sum));
  }
}

INLINE void depthwise_gate_lanes(const evssm_depthwise_args *args, size_t c) {
  const depthwise_half first = depthwise_half_at(args, c, 2 * args->pitch);
  const depthwise_half second = depthwise_half_at(args, c + args->pitch, 2 * args->pitch);
  depthwise_state a, b;
  depthwise_start(&a, args, &first);
  depthwise_start(&b, args, &second);
  float *out = args->out + c;
  for (ptrdiff_t x = 0; x < (ptrdiff_t)args->pixels; x++, out += args->out_stride) {
    vec gate = function_gelu(depthwise_next(&a, first.rows, x, args->row_stride));
    vec_store(out, vec_mul(gate, depthwise_next(&b, second.rows, x, args->row_stride)));
  }
}

#else

/* The weights fill the registers, and the constants of GELU would push them out: sums wait in the result for a second
 * pass over a few pixels. */
#define DEPTHWISE_PENDING 16

/* Outputs [from, to): sums, or the product of what is there with the sums. */
INLINE void depthwise_run(depthwise_state *memory, const evssm_depthwise_args *args, const depthwise_half *half,
                          float *out, ptrdiff_t from, ptrdiff_t to, int multiplies) {
  depthwise_state state = *memory;
  out += from * args->out_stride;
  for (ptrdiff_t x = from; x < to; x++, out += args->out_stride) {
    vec sum = depthwise_next(&state, half->rows, x, args->row_stride);
    vec_store(out, multiplies ? vec_mul(vec_load(out), sum) : sum);
  }
  *memory = state;
}

static NOINLINE void depthwise_sum(depthwise_state *state, const evssm_depthwise_args *args, const depthwise_half *half,
                                   float *out, ptrdiff_t from, ptrdiff_t to) {
  depthwise_run(state, args, half, out, from, to, 0);
}

static NOINLINE void depthwise_multiply(depthwise_state *state, const evssm_depthwise_args *args,
                                        const depthwise_half *half, float *out, ptrdiff_t from, ptrdiff_t to) {
  depthwise_run(state, args, half, out, from, to, 1);
}

static NOINLINE void depthwise_activate(float *out, ptrdiff_t stride, ptrdiff_t from, ptrdiff_t to) {
  for (ptrdiff_t x = from; x < to; x++) vec_store(out + x * stride, function_gelu(vec_load(out + x * stride)));
}

static NOINLINE void depthwise_activate_reduced(float *out, ptrdiff_t stride, ptrdiff_t from, ptrdiff_t to) {
  for (ptrdiff_t x = from; x < to; x++) vec_store(out + x * stride, function_gelu_reduced(vec_load(out + x * stride)));
}

INLINE ptrdiff_t depthwise_end(const evssm_depthwise_args *args, ptrdiff_t from) {
  ptrdiff_t end = (ptrdiff_t)args->pixels;
  return from + DEPTHWISE_PENDING < end ? from + DEPTHWISE_PENDING : end;
}

INLINE void depthwise_gelu_lanes(const evssm_depthwise_args *args, size_t c, int is_reduced) {
  const depthwise_half half = depthwise_half_at(args, c, args->pitch);
  depthwise_state state;
  depthwise_start(&state, args, &half);
  float *out = args->out + c;
  for (ptrdiff_t from = 0; from < (ptrdiff_t)args->pixels; from += DEPTHWISE_PENDING) {
    ptrdiff_t to = depthwise_end(args, from);
    depthwise_sum(&state, args, &half, out, from, to);
    if (is_reduced) {
      depthwise_activate_reduced(out, args->out_stride, from, to);
    } else {
      depthwise_activate(out, args->out_stride, from, to);
    }
  }
}

INLINE void depthwise_gate_lanes(const evssm_depthwise_args *args, size_t c) {
  const depthwise_half first = depthwise_half_at(args, c, 2 * args->pitch);
  const depthwise_half second = depthwise_half_at(args, c + args->pitch, 2 * args->pitch);
  depthwise_state a, b;
  depthwise_start(&a, args, &first);
  depthwise_start(&b, args, &second);
  float *out = args->out + c;
  for (ptrdiff_t from = 0; from < (ptrdiff_t)args->pixels; from += DEPTHWISE_PENDING) {
    ptrdiff_t to = depthwise_end(args, from);
    depthwise_sum(&a, args, &first, out, from, to);
    depthwise_activate(out, args->out_stride, from, to);
    depthwise_multiply(&b, args, &second, out, from, to);
  }
}

#endif

static void depthwise_gelu(const evssm_depthwise_args *args) {
  if (args->pixels == 0) return;
  for (size_t c = 0; c < args->pitch; c += LANES) depthwise_gelu_lanes(args, c, 0);
}

static void depthwise_gelu_reduced(const evssm_depthwise_args *args) {
  if (args->pixels == 0) return;
  for (size_t c = 0; c < args->pitch; c += LANES) depthwise_gelu_lanes(args, c, 1);
}

static void depthwise_gate(const evssm_depthwise_args *args) {
  if (args->pixels == 0) return;
  for (size_t c = 0; c < args->pitch; c += LANES) depthwise_gate_lanes(args, c);
}
