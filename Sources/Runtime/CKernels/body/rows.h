/* Rows of dense values: reductions, softmax, normalisation, copies and transposes. */

#define ROW_CHAINS 4

/* The reduction of a row in a fixed order: several vectors side by side, then their lanes. */
#define ROW_REDUCE(combine, start, finish)                                            \
  vec chain[ROW_CHAINS];                                                              \
  UNROLL for (int k = 0; k < ROW_CHAINS; k++) chain[k] = vec_set(start);              \
  size_t i = 0;                                                                       \
  for (; i + ROW_CHAINS * LANES <= count; i += ROW_CHAINS * LANES) {                  \
    UNROLL for (int k = 0; k < ROW_CHAINS; k++) {                                     \
      vec x = vec_load(in + i + k * LANES);                                           \
      chain[k] = combine(chain[k], x);                                                \
    }                                                                                 \
  }                                                                                   \
  for (; i + LANES <= count; i += LANES) {                                            \
    vec x = vec_load(in + i);                                                         \
    chain[0] = combine(chain[0], x);                                                  \
  }                                                                                   \
  if (i < count) {                                                                    \
    float end[LANES];                                                                 \
    for (int k = 0; k < LANES; k++) end[k] = i + k < count ? in[i + k] : start;       \
    vec x = vec_load(end);                                                            \
    chain[0] = combine(chain[0], x);                                                  \
  }                                                                                   \
  UNROLL for (int k = 1; k < ROW_CHAINS; k++) chain[0] = combine(chain[0], chain[k]); \
  return finish(chain[0])

INLINE float row_lanes_max(vec v) {
  float lane[LANES], most;
  vec_store(lane, v);
  most = lane[0];
  for (int i = 1; i < LANES; i++) most = lane[i] > most || lane[i] != lane[i] ? lane[i] : most;
  return most;
}

INLINE float row_lanes_min(vec v) {
  float lane[LANES], least;
  vec_store(lane, v);
  least = lane[0];
  for (int i = 1; i < LANES; i++) least = lane[i] < least || lane[i] != lane[i] ? lane[i] : least;
  return least;
}

static float row_sum(const float *in, size_t count) { ROW_REDUCE(vec_add, 0, vec_sum); }
static float row_max(const float *in, size_t count) { ROW_REDUCE(vec_max, -__builtin_inff(), row_lanes_max); }
static float row_min(const float *in, size_t count) { ROW_REDUCE(vec_min, __builtin_inff(), row_lanes_min); }

static void reduce(const evssm_reduce_args *args) {
  for (size_t r = 0; r < args->rows; r++) {
    const float *in = args->in + (ptrdiff_t)r * args->in_stride;
    switch (args->function) {
      case EVSSM_REDUCTION_SUM:
        args->out[r] = row_sum(in, args->count);
        break;
      case EVSSM_REDUCTION_MAXIMUM:
        args->out[r] = row_max(in, args->count);
        break;
      case EVSSM_REDUCTION_MINIMUM:
        args->out[r] = row_min(in, args->count);
        break;
    }
  }
}

/* The values from `in`, zeros behind them. */
INLINE vec row_end(const float *in, size_t count) {
  float end[LANES] = {0};
  for (size_t i = 0; i < count; i++) end[i] = in[i];
  return vec_load(end);
}

INLINE void row_store_end(float *out, vec v, size_t count) {
  float end[LANES];
  vec_store(end, v);
  for (size_t i = 0; i < count; i++) out[i] = end[i];
}

static void softmax(const evssm_row_args *args) {
  for (size_t r = 0; r < args->rows; r++) {
    const float *in = args->in + (ptrdiff_t)r * args->in_stride;
    float *out = args->out + (ptrdiff_t)r * args->out_stride;
    const vec peak = vec_set(row_max(in, args->count));
    vec sum = vec_set(0);
    size_t i = 0;
    for (; i + LANES <= args->count; i += LANES) {
      vec e = elementwise_exp(vec_sub(vec_load(in + i), peak));
      sum = vec_add(sum, e);
      vec_store(out + i, e);
    }
    size_t left = args->count - i;
    if (left) {
      vec e = vec_first(elementwise_exp(vec_sub(row_end(in + i, left), peak)), left);
      sum = vec_add(sum, e);
      row_store_end(out + i, e, left);
    }
    const vec scale = vec_set(1 / vec_sum(sum));
    for (i = 0; i + LANES <= args->count; i += LANES) vec_store(out + i, vec_mul(vec_load(out + i), scale));
    if (left) row_store_end(out + i, vec_mul(row_end(out + i, left), scale), left);
  }
}

/* The sum of squared distances from `mean`. */
INLINE float row_squares(const float *in, size_t count, vec mean) {
  vec sum = vec_set(0);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    vec d = vec_sub(vec_load(in + i), mean);
    sum = vec_fma(d, d, sum);
  }
  if (i < count) {
    vec d = vec_first(vec_sub(row_end(in + i, count - i), mean), count - i);
    sum = vec_fma(d, d, sum);
  }
  return vec_sum(sum);
}

INLINE vec row_affine(vec v, const evssm_row_args *args, size_t i, size_t count) {
  if (args->weight) v = vec_mul(v, count == LANES ? vec_load(args->weight + i) : row_end(args->weight + i, count));
  if (args->bias) v = vec_add(v, count == LANES ? vec_load(args->bias + i) : row_end(args->bias + i, count));
  return v;
}

static void normalise(const evssm_row_args *args) {
  for (size_t r = 0; r < args->rows; r++) {
    const float *in = args->in + (ptrdiff_t)r * args->in_stride;
    float *out = args->out + (ptrdiff_t)r * args->out_stride;
    const vec mean = vec_set(row_sum(in, args->count) / (float)args->count);
    float variance = row_squares(in, args->count, mean) / (float)args->count;
    const vec scale = vec_set(1 / __builtin_elementwise_sqrt(variance + args->epsilon));
    size_t i = 0;
    for (; i + LANES <= args->count; i += LANES) {
      vec_store(out + i, row_affine(vec_mul(vec_sub(vec_load(in + i), mean), scale), args, i, LANES));
    }
    size_t left = args->count - i;
    if (left) {
      vec v = vec_mul(vec_sub(row_end(in + i, left), mean), scale);
      row_store_end(out + i, row_affine(v, args, i, left), left);
    }
  }
}

static void copy_rows(const evssm_copy_args *args) {
  for (size_t r = 0; r < args->rows; r++) {
    const float *in = args->in + (ptrdiff_t)r * args->in_stride;
    float *out = args->out + (ptrdiff_t)r * args->out_stride;
    size_t i = 0;
    for (; i + LANES <= args->count; i += LANES) vec_store(out + i, vec_load(in + i));
    for (; i < args->count; i++) out[i] = in[i];
  }
}

/* By squares that fit the first-level cache. */
#define TRANSPOSE_SIDE 16

static void transpose(const evssm_transpose_args *args) {
  for (size_t i0 = 0; i0 < args->rows; i0 += TRANSPOSE_SIDE) {
    size_t i1 = i0 + TRANSPOSE_SIDE < args->rows ? i0 + TRANSPOSE_SIDE : args->rows;
    for (size_t j0 = 0; j0 < args->columns; j0 += TRANSPOSE_SIDE) {
      size_t j1 = j0 + TRANSPOSE_SIDE < args->columns ? j0 + TRANSPOSE_SIDE : args->columns;
      for (size_t j = j0; j < j1; j++) {
        float *out = args->out + (ptrdiff_t)j * args->out_stride;
        const float *in = args->in + j;
        for (size_t i = i0; i < i1; i++) out[i] = in[(ptrdiff_t)i * args->in_stride];
      }
    }
  }
}
