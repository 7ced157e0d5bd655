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

/* Takes column x + 1 (at `at`) and returns the sum of output x. */
INLINE vec depthwise_next(depthwise_state *state, const float *const rows[3], ptrdiff_t at) {
  vec column[3];
  depthwise_column(rows, at, column);
  vec done = depthwise_add(state, 2, column, state->sum[0]);
  state->sum[0] = depthwise_add(state, 1, column, state->sum[1]);
  state->sum[1] = depthwise_add(state, 0, column, state->bias);
  return done;
}

static void depthwise_gelu(const evssm_depthwise_args *args) {
  if (args->pixels == 0) return;
  const ptrdiff_t stride = args->row_stride;
  for (size_t c = 0; c < args->pitch; c += LANES) {
    const float *const rows[3] = {args->row[0] + c, args->row[1] + c, args->row[2] + c};
    depthwise_state state;
    depthwise_begin(&state, args->weight + c, args->bias ? args->bias + c : NULL, args->pitch, rows, stride);
    float *out = args->out + c;
    for (ptrdiff_t x = 0; x < (ptrdiff_t)args->pixels; x++, out += args->out_stride) {
      vec_store(out, function_gelu(depthwise_next(&state, rows, (x + 1) * stride)));
    }
  }
}

static void depthwise_gate(const evssm_depthwise_args *args) {
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
    float *out = args->out + c;
    for (ptrdiff_t x = 0; x < (ptrdiff_t)args->pixels; x++, out += args->out_stride) {
      vec gate = function_gelu(depthwise_next(&a, rows_a, (x + 1) * stride));
      vec_store(out, vec_mul(gate, depthwise_next(&b, rows_b, (x + 1) * stride)));
    }
  }
}
