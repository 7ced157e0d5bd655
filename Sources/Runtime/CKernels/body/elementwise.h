/* Functions of one and of two dense operands. Ends that fill no vector go through one, so that every element is made by
 * the same instructions wherever a call begins. */

/* e^x = 2^n * e^f with n = round(x * log2(e)). log(2) is split in two, so that the error does not grow with x where
 * vec_fma rounds twice, and 2^n into two factors that float32 holds. */
INLINE vec elementwise_exp(vec x) {
  vec held = vec_min(vec_set(89), vec_max(vec_set(-88), x));
  vec n = vec_round(vec_mul(held, vec_set(1.44269502f)));
  vec f = vec_fma(n, vec_set(-0.693359375f), held);
  f = vec_fma(n, vec_set(0.00021219444170128554f), f);
  vec half = vec_round(vec_mul(n, vec_set(0.5f)));
  vec power = vec_scale(function_exp2(vec_mul(f, vec_set(1.44269502f))), half);
  return vec_mul(power, vec_scale(vec_set(1), vec_sub(n, half)));
}

INLINE vec elementwise_sigmoid(vec x) {
  return vec_div(vec_set(1), vec_add(vec_set(1), elementwise_exp(vec_sub(vec_set(0), x))));
}

/* erf(x) = 2 * gelu(z) / z - 1 with z = x * sqrt(2); the quotient is what function_gelu makes. */
INLINE vec elementwise_erf(vec x) {
  vec y = vec_mul(x, vec_set(1.41421356f));
  vec z = vec_min(vec_set(27.04f), vec_mul(y, y));
  vec p = vec_set(6.113827566878172e-06f);
  p = vec_fma(p, z, vec_set(0.0003291997127234936f));
  p = vec_fma(p, z, vec_set(0.005608228966593742f));
  p = vec_fma(p, z, vec_set(0.05088309571146965f));
  p = vec_fma(p, z, vec_set(0.3989414572715759f));
  vec q = vec_set(5.225059567237622e-07f);
  q = vec_fma(q, z, vec_set(0.00011848222493426874f));
  q = vec_fma(q, z, vec_set(0.0027855830267071724f));
  q = vec_fma(q, z, vec_set(0.038106851279735565f));
  q = vec_fma(q, z, vec_set(0.29420188069343567f));
  q = vec_fma(q, z, vec_set(1));
  vec half = vec_mul(vec_min(vec_set(8), vec_max(vec_set(-8), y)), vec_div(p, q));
  half = vec_min(vec_set(0.5f), vec_max(vec_set(-0.5f), half));
  return vec_add(half, half);
}

/* Near 0 the series, for its relative error; elsewhere (1 - e) / (1 + e) with e = e^(-2|x|). */
INLINE vec elementwise_tanh(vec x) {
  float value[LANES], power[LANES];
  vec_store(value, x);
  vec_store(power, elementwise_exp(vec_mul(vec_set(-2), vec_abs(x))));
  for (int i = 0; i < LANES; i++) {
    float v = value[i], s = v * v;
    float series =
        v * (1 + s * (-0.33333333f + s * (0.13333333f + s * (-0.053968254f + s * (0.021869488f - s * 0.0088632355f)))));
    float far = (1 - power[i]) / (1 + power[i]);
    far = v < 0 ? -far : far;
    value[i] = __builtin_fabsf(v) < 0.35f ? series : far;
  }
  return vec_load(value);
}

INLINE vec elementwise_sqrt(vec x) {
  float value[LANES];
  vec_store(value, x);
  for (int i = 0; i < LANES; i++) value[i] = __builtin_elementwise_sqrt(value[i]);
  return vec_load(value);
}

/* `expression` of x for `count` values from `in` to `out`. */
#define ELEMENTWISE(expression)                                           \
  do {                                                                    \
    size_t i = 0;                                                         \
    for (; i + LANES <= args->count; i += LANES) {                        \
      vec x = vec_load(args->in + i);                                     \
      vec_store(args->out + i, expression);                               \
    }                                                                     \
    if (i < args->count) {                                                \
      float end[LANES] = {0};                                             \
      for (size_t j = i; j < args->count; j++) end[j - i] = args->in[j];  \
      vec x = vec_load(end);                                              \
      vec_store(end, expression);                                         \
      for (size_t j = i; j < args->count; j++) args->out[j] = end[j - i]; \
    }                                                                     \
  } while (0)

static void unary(const evssm_unary_args *args) {
  const vec alpha = vec_set(args->alpha);
  switch (args->function) {
    case EVSSM_UNARY_COPY:
      ELEMENTWISE(x);
      break;
    case EVSSM_UNARY_NEGATE:
      ELEMENTWISE(vec_mul(x, vec_set(-1)));
      break;
    case EVSSM_UNARY_ABSOLUTE:
      ELEMENTWISE(vec_abs(x));
      break;
    case EVSSM_UNARY_SQUARE:
      ELEMENTWISE(vec_mul(x, x));
      break;
    case EVSSM_UNARY_SQUARE_ROOT:
      ELEMENTWISE(elementwise_sqrt(x));
      break;
    case EVSSM_UNARY_RECIPROCAL:
      ELEMENTWISE(vec_div(vec_set(1), x));
      break;
    case EVSSM_UNARY_EXPONENTIAL:
      ELEMENTWISE(elementwise_exp(x));
      break;
    case EVSSM_UNARY_SIGMOID:
      ELEMENTWISE(elementwise_sigmoid(x));
      break;
    case EVSSM_UNARY_SILU:
      ELEMENTWISE(vec_mul(x, elementwise_sigmoid(x)));
      break;
    case EVSSM_UNARY_TANH:
      ELEMENTWISE(elementwise_tanh(x));
      break;
    case EVSSM_UNARY_ERROR:
      ELEMENTWISE(elementwise_erf(x));
      break;
    case EVSSM_UNARY_GELU:
      ELEMENTWISE(function_gelu(x));
      break;
    case EVSSM_UNARY_LEAKY_RELU:
      ELEMENTWISE(vec_fma(alpha, vec_min(vec_set(0), x), vec_max(vec_set(0), x)));
      break;
  }
}

/* `expression` of x and y for `count` pairs; an operand of step 0 is one value. */
#define ELEMENTWISE_PAIR(expression)                                         \
  do {                                                                       \
    size_t i = 0;                                                            \
    for (; i + LANES <= args->count; i += LANES) {                           \
      vec x = args->a_step ? vec_load(args->a + i) : first;                  \
      vec y = args->b_step ? vec_load(args->b + i) : second;                 \
      vec_store(args->out + i, expression);                                  \
    }                                                                        \
    if (i < args->count) {                                                   \
      float end[2][LANES] = {{0}};                                           \
      for (size_t j = i; j < args->count; j++) {                             \
        end[0][j - i] = args->a[j * args->a_step];                           \
        end[1][j - i] = args->b[j * args->b_step];                           \
      }                                                                      \
      vec x = vec_load(end[0]), y = vec_load(end[1]);                        \
      vec_store(end[0], expression);                                         \
      for (size_t j = i; j < args->count; j++) args->out[j] = end[0][j - i]; \
    }                                                                        \
  } while (0)

static void binary(const evssm_binary_args *args) {
  if (args->count == 0) return;
  const vec first = vec_set(args->a[0]), second = vec_set(args->b[0]);
  switch (args->function) {
    case EVSSM_BINARY_ADD:
      ELEMENTWISE_PAIR(vec_add(x, y));
      break;
    case EVSSM_BINARY_SUBTRACT:
      ELEMENTWISE_PAIR(vec_sub(x, y));
      break;
    case EVSSM_BINARY_MULTIPLY:
      ELEMENTWISE_PAIR(vec_mul(x, y));
      break;
    case EVSSM_BINARY_DIVIDE:
      ELEMENTWISE_PAIR(vec_div(x, y));
      break;
    case EVSSM_BINARY_MAXIMUM:
      ELEMENTWISE_PAIR(vec_max(x, y));
      break;
    case EVSSM_BINARY_MINIMUM:
      ELEMENTWISE_PAIR(vec_min(x, y));
      break;
  }
}
