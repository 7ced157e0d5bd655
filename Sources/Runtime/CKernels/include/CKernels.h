/* SIMD kernels of the plan runtime.
 *
 * Conventions, for every kernel:
 * - All values are float32. Sizes and strides count floats, never bytes.
 * - A pixel is a contiguous run of channels. Its pitch is the channel count rounded up to EVSSM_LANES; the lanes
 *   beyond the channel count hold zeros on input, and kernels write zeros (or finite values that the zero weights
 *   behind them cancel) there. Weight vectors over channels are padded with zeros to the same pitch.
 * - Pointers need no alignment; weights and scratch are 64-byte aligned in practice.
 * - Kernels allocate nothing, keep no state, read and write only the ranges their comments name, and give each output
 *   element by the same sequence of operations whatever range of pixels a call covers: results do not depend on how
 *   work is cut.
 * - Every kernel exists once an instruction set; kernels.def lists them, evssm_kernels_for returns a set's table.
 */
#ifndef EVSSM_CKERNELS_H
#define EVSSM_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Channel pitches and packed matrix widths are multiples of this many floats, on every instruction set. */
#define EVSSM_LANES 16
/* Columns of a full panel of a packed matrix. */
#define EVSSM_PANEL 48
/* States a channel of the selective scan. */
#define EVSSM_STATES 8
/* Taps of the convolution along the scan order. */
#define EVSSM_TAPS 7

typedef enum {
#define EVSSM_SET(constant, name) EVSSM_ISA_##constant,
#include "sets.def"
#undef EVSSM_SET
  EVSSM_ISA_COUNT
} evssm_isa;

/* What a matrix product does with each accumulated value v (after `bias` is added). */
typedef enum {
  EVSSM_EPILOGUE_STORE = 0, /* c = v */
  EVSSM_EPILOGUE_ADD = 1,   /* c = addend + v */
  EVSSM_EPILOGUE_GATE = 2,  /* c = c * gelu(v) */
  EVSSM_EPILOGUE_GELU = 3   /* c = gelu(v) */
} evssm_epilogue;

/* C[m][n] = epilogue(sum over segments s, k of A_s[m][k] * B[s * segment_k + k][n] + bias[n]), m < rows, n < width.
 *
 * A row m of segment s starts at a[s] + m * a_stride. A 3x3 convolution is three segments (one a tap row) of
 * 3 * pitch values over rows of pixels whose stride is one pixel: consecutive rows of A overlap.
 * B is packed in panels: panel p holds columns [48p, 48p + panel width), as K rows of panel-width floats one after the
 * other, K = segments * segment_k; it starts at b + 48 * p * K. All panels are 48 wide but the last, which is 16, 32
 * or 48. width (a multiple of 16) is the sum of the panel widths. bias may be NULL. */
typedef struct {
  const float *a[3];
  ptrdiff_t a_stride;
  size_t segments;
  size_t segment_k;
  const float *b;
  const float *bias;
  float *c;
  ptrdiff_t c_stride;
  const float *addend; /* EVSSM_EPILOGUE_ADD only; may equal c */
  ptrdiff_t addend_stride;
  size_t rows;
  size_t width;
  evssm_epilogue epilogue;
} evssm_gemm_args;

/* out[p] = in[p] * (mean over channels of in[p]^2 + epsilon)^(-1/2), p < pixels. Reads `channels`' pitch floats. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  size_t pixels;
  size_t channels;
  float epsilon;
} evssm_rms_args;

/* y[p] = (y[p] - mean) * (variance + epsilon)^(-1/2) * weight + bias over channels, in place; lanes beyond `channels`
 * become zero (their weight and bias are zero).
 * Variance is the mean of squared deviations, over `channels` channels. */
typedef struct {
  float *y;
  ptrdiff_t stride;
  size_t pixels;
  size_t channels;
  const float *weight;
  const float *bias;
  float epsilon;
} evssm_layer_norm_args;

/* Depthwise 3x3 on one row of pixels: t[x] = sum over i, j of weight[3i + j] * row[i][x + j - 1] + bias, per channel.
 * row[i] points at pixel 0 of a row; pixels -1 and `pixels` are read, so the caller keeps a halo (zeros at an edge).
 * evssm_depthwise_gelu: out[x] = gelu(t[x]); `pitch` channels.
 * evssm_depthwise_gate: a row's pixel holds two halves of `pitch` channels, a then b; weight and bias rows are
 *   2 * pitch wide; out[x] = gelu(t_a[x]) * t_b[x], `pitch` channels. bias may be NULL there. */
typedef struct {
  const float *row[3];
  ptrdiff_t row_stride; /* between pixels of a row */
  const float *weight;  /* [9][pitch] or [9][2 * pitch] */
  const float *bias;
  float *out;
  ptrdiff_t out_stride;
  size_t pixels;
  size_t pitch;
} evssm_depthwise_args;

/* out[l] = bias + sum over k < 7 of weight[k] * in[l + k - 3], l < positions, per channel of `pitch`.
 * Positions -3 ... positions + 2 are read. in and out must not overlap. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  const float *weight; /* [7][pitch] */
  const float *bias;   /* [pitch] */
  size_t positions;
  size_t pitch;
} evssm_taps_args;

/* The selective scan over `positions` pixels, for channels [first, first + count) (multiples of 16):
 *   dt   = softplus(dt_bias + sum over j < rank of dt_weight[j] * parameters[l][j])
 *   h[n] = 2^(dt * a[n]) * h[n] + dt * u[l] * parameters[l][rank + n]
 *   y[l] = sum over n < 8 of h[n] * parameters[l][rank + 8 + n] + d * u[l]
 * softplus(x) = x above 20, log(1 + e^x) elsewhere. a holds A * log2(e), which is negative; a value that is not counts
 * as 0. u and y may be the same buffer. state is read at the start and written at the end. */
typedef struct {
  const float *u;
  ptrdiff_t u_stride;
  float *y;
  ptrdiff_t y_stride;
  const float *parameters;
  ptrdiff_t parameters_stride;
  const float *dt_weight; /* [rank][pitch] */
  const float *dt_bias;   /* [pitch] */
  const float *a;         /* [8][pitch] */
  const float *d;         /* [pitch] */
  float *state;           /* [8][pitch] */
  size_t positions;
  size_t rank;
  size_t pitch;
  size_t first;
  size_t count;
} evssm_scan_args;

/* One 8x8 patch, `pitch` channels: out = addend + irfft2(rfft2(in) * filter).
 * in(i, j) = in[i * in_row + j * in_pixel], all 64 are read. filter is the half spectrum [8][5][pitch] of a real even
 * function of frequency, already divided by 64 (so the inverse transform needs no scale). out and addend have one
 * address rule: base + i * out_row + j * out_pixel; only first_row <= i < end_row, first_column <= j < end_column are
 * read and written. */
typedef struct {
  const float *in;
  ptrdiff_t in_row;
  ptrdiff_t in_pixel;
  const float *filter;
  const float *addend;
  float *out;
  ptrdiff_t out_row;
  ptrdiff_t out_pixel;
  size_t first_row, end_row, first_column, end_column;
  size_t pitch;
} evssm_spectral_args;

/* Rows of pixels copied with a weight: out[p] = addend[p] + scale[p] * in[p]; scale NULL means 1, addend NULL means 0.
 * addend may equal out. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  const float *addend;
  ptrdiff_t addend_stride;
  float *out;
  ptrdiff_t out_stride;
  const float *scale;
  size_t pixels;
  size_t pitch;
} evssm_blend_args;

/* One row of bilinear x0.5: out[p] = (top[2p] + top[2p + 1] + bottom[2p] + bottom[2p + 1]) / 4, p < pixels.
 * `stride` is the pixel stride of top and bottom, `pitch` channels. */
typedef struct {
  const float *top;
  const float *bottom;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  size_t pixels;
  size_t pitch;
} evssm_halve_args;

/* One row of bilinear x2 (align_corners false): rows are first mixed,
 * v[p] = near_weight * near[p] + (1 - near_weight) * far[p], then
 * out[2p] = 0.25 v[p - 1] + 0.75 v[p], out[2p + 1] = 0.75 v[p] + 0.25 v[p + 1], indices clamped to [0, pixels).
 * Writes 2 * pixels pixels. */
typedef struct {
  const float *near_row;
  const float *far_row;
  float near_weight;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  size_t pixels;
  size_t pitch;
} evssm_double_args;

/* One row of a 3x3 convolution of a map doubled by bilinear interpolation, from products of the map with the nine
 * matrices of the taps: a pixel of a row of products holds nine groups of `pitch` values, tap (i, j) in group 3i + j.
 * Groups i of rows are first mixed, v_j[p] = sum over i of weight[i][0] * row[i][0][p] + weight[i][1] * row[i][1][p],
 * then out[2p]     = addend[2p]     + 0.75 v_0[p - 1] + 0.25 v_0[p] + 0.25 v_1[p - 1] + 0.75 v_1[p] + 0.75 v_2[p] +
 * 0.25 v_2[p + 1] out[2p + 1] = addend[2p + 1] + 0.25 v_0[p - 1] + 0.75 v_0[p] + 0.75 v_1[p] + 0.25 v_1[p + 1] + 0.25
 * v_2[p] + 0.75 v_2[p + 1] Pixels -1 and `pixels` are read. Where the map starts with pixel 0, pixel -1 counts as pixel
 * 0 (interpolation clamps) and out[0] goes without v_0 (convolution pads with zeros); where it ends with the last
 * pixel, mirrored. addend may equal out; both have one stride. Writes 2 * pixels pixels. */
typedef struct {
  const float *row[3][2];
  float weight[3][2];
  ptrdiff_t in_stride;
  int starts, ends; /* whether the map starts with pixel 0, and ends with the last */
  const float *addend;
  float *out;
  ptrdiff_t out_stride;
  size_t pixels;
  size_t pitch;
} evssm_double_products_args;

/* Kernels of plans in reduced precision. A uint16_t is a bfloat16 value: the high half of a float32. Rounding to it is
 * to the nearest, ties to even; subnormal values become zeros of their sign, and NaN stays NaN. Strides of such rows
 * count values. docs/precision.md has the definition in full. */

/* As evssm_gemm_args, with A and B in bfloat16, bias and sums in float32. A sum takes the products of a pair of rows
 * (k, k + 1) of B in two fused multiply-adds, first k + 1, then k. Subnormal values count as zeros in all of it.
 * B is packed in panels of pairs of rows: panel p holds, for each pair, panel-width pairs (B[k][n], B[k + 1][n]); it
 * starts at b + 48 * p * K. segment_k is even, and so is K. The result goes to `rounded`, rounded, unless that is NULL,
 * else to `c`. EVSSM_EPILOGUE_GATE multiplies `addend` by the coarse GELU of map_gelu_reduced, EVSSM_EPILOGUE_GELU is
 * that GELU; EVSSM_EPILOGUE_ADD adds `addend`, which may equal c. */
typedef struct {
  const uint16_t *a[3];
  ptrdiff_t a_stride;
  size_t segments;
  size_t segment_k;
  const uint16_t *b;
  const float *bias;
  float *c;
  ptrdiff_t c_stride;
  uint16_t *rounded;
  ptrdiff_t rounded_stride;
  const float *addend;
  ptrdiff_t addend_stride;
  size_t rows;
  size_t width;
  evssm_epilogue epilogue;
} evssm_gemm_bf16_args;

/* As evssm_rms_args, the result rounded. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  uint16_t *out;
  ptrdiff_t out_stride;
  size_t pixels;
  size_t channels;
  float epsilon;
} evssm_rms_bf16_args;

/* As evssm_depthwise_args for depthwise_gate, with the coarse GELU, the result rounded. */
typedef struct {
  const float *row[3];
  ptrdiff_t row_stride;
  const float *weight;
  const float *bias;
  uint16_t *rounded;
  ptrdiff_t rounded_stride;
  size_t pixels;
  size_t pitch;
} evssm_gate_bf16_args;

/* evssm_depthwise_gelu_reduced: evssm_depthwise_gelu with the coarse GELU. evssm_scan_reduced: evssm_scan with a
 * softplus of a relative error below 1e-4 and powers of two of one below 1e-6, which stays below 3e-4 of 1 - 2^x as
 * well; none is smaller than 2^-120. */

/* out = in, rounded. */
typedef struct {
  const float *in;
  uint16_t *out;
  size_t count; /* a multiple of 16 */
} evssm_round_args;

/* Elementwise functions as the kernels above use them, for tests and measurements. in and out may be the same. */
typedef struct {
  const float *in;
  float *out;
  size_t count; /* a multiple of 16 */
} evssm_map_args;

/* Dense tensors: values of any count, without padding. Each kernel reads and writes exactly what its comment names. */

typedef enum {
  EVSSM_UNARY_COPY = 0,
  EVSSM_UNARY_NEGATE = 1,
  EVSSM_UNARY_ABSOLUTE = 2,
  EVSSM_UNARY_SQUARE = 3,
  EVSSM_UNARY_SQUARE_ROOT = 4,
  EVSSM_UNARY_RECIPROCAL = 5,
  EVSSM_UNARY_EXPONENTIAL = 6,
  EVSSM_UNARY_SIGMOID = 7,
  EVSSM_UNARY_SILU = 8, /* x * sigmoid(x) */
  EVSSM_UNARY_TANH = 9,
  EVSSM_UNARY_ERROR = 10,     /* erf */
  EVSSM_UNARY_GELU = 11,      /* by erf */
  EVSSM_UNARY_LEAKY_RELU = 12 /* max(x, 0) + alpha * min(x, 0) */
} evssm_unary;

/* out[i] = function(in[i]), i < count. in and out may be the same. */
typedef struct {
  const float *in;
  float *out;
  size_t count;
  evssm_unary function;
  float alpha;
} evssm_unary_args;

typedef enum {
  EVSSM_BINARY_ADD = 0,
  EVSSM_BINARY_SUBTRACT = 1,
  EVSSM_BINARY_MULTIPLY = 2,
  EVSSM_BINARY_DIVIDE = 3,
  EVSSM_BINARY_MAXIMUM = 4,
  EVSSM_BINARY_MINIMUM = 5
} evssm_binary;

/* out[i] = function(a[i * a_step], b[i * b_step]), i < count; a step is 0 or 1. out may be an operand whose step is 1.
 */
typedef struct {
  const float *a;
  size_t a_step;
  const float *b;
  size_t b_step;
  float *out;
  size_t count;
  evssm_binary function;
} evssm_binary_args;

typedef enum { EVSSM_REDUCTION_SUM = 0, EVSSM_REDUCTION_MAXIMUM = 1, EVSSM_REDUCTION_MINIMUM = 2 } evssm_reduction;

/* out[r] = the reduction of in[r * in_stride + i] over i < count, r < rows; count is positive. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  float *out;
  size_t rows;
  size_t count;
  evssm_reduction function;
} evssm_reduce_args;

/* Rows of `count` values, each by itself:
 * evssm_softmax: out = e^(in - max) / sum of these
 * evssm_normalise: out = (in - mean) * (variance + epsilon)^(-1/2) * weight + bias; weight and bias may be NULL.
 * in and out may be the same. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  size_t rows;
  size_t count;
  const float *weight;
  const float *bias;
  float epsilon;
} evssm_row_args;

/* As evssm_normalise, over the channels of planes: value c of position p is in[c * in_stride + p], p < count. weight
 * and bias have a value a channel. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  size_t channels;
  size_t count;
  const float *weight;
  const float *bias;
  float epsilon;
} evssm_plane_norm_args;

/* out[r * out_stride + i] = in[r * in_stride + i], r < rows, i < count. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  size_t rows;
  size_t count;
} evssm_copy_args;

/* out[j * out_stride + i] = in[i * in_stride + j], i < rows, j < columns. */
typedef struct {
  const float *in;
  ptrdiff_t in_stride;
  float *out;
  ptrdiff_t out_stride;
  size_t rows;
  size_t columns;
} evssm_transpose_args;

/* Most rows of a kernel for evssm_window_row. */
#define EVSSM_WINDOW_ROWS 16

/* out[x] = bias + sum over i < rows, j < columns of weight[i * columns + j] * row[i][x + j * dilation], x < count. */
typedef struct {
  const float *row[EVSSM_WINDOW_ROWS];
  size_t rows;
  size_t columns;
  size_t dilation;
  const float *weight;
  float bias;
  float *out;
  size_t count;
} evssm_window_args;

/* Runs `iterations` rounds of independent fused multiply-adds (without memory traffic) and returns their number in
 * scalar multiply-adds; *sink keeps them alive. Time it to know the machine's peak. */
typedef struct {
  size_t iterations;
  float *sink; /* 16 floats */
} evssm_peak_args;

#define EVSSM_KERNEL(name, args) void (*name)(const args *);
typedef struct {
  evssm_isa isa;
  const char *isa_name; /* what evssm_isa_name says of it */
#include "kernels.def"
  double (*peak)(const evssm_peak_args *); /* returns multiply-adds done */
} evssm_kernels;
#undef EVSSM_KERNEL

/* The kernels of an instruction set, or NULL where this processor or this build does not have it. */
const evssm_kernels *evssm_kernels_for(evssm_isa isa);

/* The best set that this processor has. */
evssm_isa evssm_best_isa(void);

/* Its name in sets.def; NULL for a value out of range. */
const char *evssm_isa_name(evssm_isa isa);

/* The name of kernel `index` in the order of kernels.def; NULL behind the last. */
const char *evssm_kernel_name(size_t index);

/* The number of processors that this process may run on, at least 1. */
int evssm_processor_count(void);

/* The processor that this thread is on; -1 where the system does not say. */
int evssm_this_processor(void);

/* This thread, as the two functions below know it; never 0. */
uint64_t evssm_this_thread(void);

/* Nanoseconds that a thread of this process has run; 0 where the system does not say. */
uint64_t evssm_thread_time(uint64_t thread);

/* Has a thread of this process that waits for `processor` run on the caller's, and the caller wait for `processor` in
 * its place, or for another one if that is its own. Where both may run remains what it was. Does nothing where the
 * system has no such calls, or forbids either of them the other's processor. */
void evssm_exchange_processors(uint64_t thread, int processor);

/* Tells the processor that this thread is polling a value that another one will write. */
static inline void evssm_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#ifdef __cplusplus
}
#endif
#endif
