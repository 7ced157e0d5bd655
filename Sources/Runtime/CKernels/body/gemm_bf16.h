/* Matrix products of bfloat16 values, summed in float32. Tiles as in gemm.h: a sum runs over the whole of K in order,
 * pair by pair, so that a result does not depend on how rows are cut into tiles. */

#ifdef PAIRS_ROWS_1
#define PAIRS_MOST_ROWS PAIRS_ROWS_1
#else
#define PAIRS_MOST_ROWS PAIRS_ROWS_2
#endif

/* Where a tile lies. */
typedef struct {
  const evssm_gemm_bf16_args *args;
  size_t row, column;
  const uint16_t *b; /* first pair of rows of B, first column of the tile */
  size_t b_stride;   /* from one pair of rows to the next, in values */
} gemm_bf16_place;

/* Stores, rounds, adds, gates or activates the sums of a tile, which lie in `tile` with rows of `width` floats. */
static NOINLINE void gemm_bf16_finish(const gemm_bf16_place *place, const float *tile, size_t rows, size_t width) {
  const evssm_gemm_bf16_args *args = place->args;
  for (size_t r = 0; r < rows; r++, tile += width) {
    const ptrdiff_t row = (ptrdiff_t)(place->row + r), column = (ptrdiff_t)place->column;
    const float *addend = args->addend ? args->addend + row * args->addend_stride + column : NULL;
    float *c = args->c ? args->c + row * args->c_stride + column : NULL;
    uint16_t *rounded = args->rounded ? args->rounded + row * args->rounded_stride + column : NULL;
    for (size_t n = 0; n < width; n += LANES) {
      vec v = vec_load(tile + n);
      if (args->epilogue == EVSSM_EPILOGUE_ADD) {
        v = vec_add(vec_load(addend + n), v);
      } else if (args->epilogue == EVSSM_EPILOGUE_GATE) {
        v = vec_mul(vec_load(addend + n), function_gelu_reduced(v));
      } else if (args->epilogue == EVSSM_EPILOGUE_GELU) {
        v = function_gelu_reduced(v);
      }
      if (rounded) {
        vec_store_rounded(rounded + n, v);
      } else {
        vec_store(c + n, v);
      }
    }
  }
}

/* Adds one segment's products to the sums. */
INLINE void gemm_bf16_accumulate(vec sum[][GEMM_MOST_VECTORS], const uint16_t *a, ptrdiff_t a_stride, const uint16_t *b,
                                 size_t b_stride, size_t depth, int rows, int vectors) {
  for (size_t k = 0; k < depth; k += 2, a += 2, b += b_stride) {
    pairs line[GEMM_MOST_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) line[v] = pairs_load(b + 2 * v * LANES);
    UNROLL for (int r = 0; r < rows; r++) {
      pairs value = pairs_set(a + r * a_stride);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = vec_dot(sum[r][v], value, line[v]);
    }
  }
}

INLINE void gemm_bf16_tile(const gemm_bf16_place *place, int rows, int vectors) {
  const evssm_gemm_bf16_args *args = place->args;
  vec sum[PAIRS_MOST_ROWS][GEMM_MOST_VECTORS];
  UNROLL for (int v = 0; v < vectors; v++) {
    vec first = args->bias ? vec_load(args->bias + place->column + v * LANES) : vec_set(0);
    UNROLL for (int r = 0; r < rows; r++) sum[r][v] = first;
  }
  for (size_t s = 0; s < args->segments; s++) {
    const uint16_t *a = args->a[s] + (ptrdiff_t)place->row * args->a_stride;
    const uint16_t *b = place->b + s * (args->segment_k / 2) * place->b_stride;
    gemm_bf16_accumulate(sum, a, args->a_stride, b, place->b_stride, args->segment_k, rows, vectors);
  }
  if (args->epilogue == EVSSM_EPILOGUE_STORE && !args->rounded) {
    float *c = args->c + (ptrdiff_t)place->row * args->c_stride + (ptrdiff_t)place->column;
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int v = 0; v < vectors; v++) vec_store(c + r * args->c_stride + v * LANES, sum[r][v]);
    }
    return;
  }
  float tile[PAIRS_MOST_ROWS * GEMM_MOST_VECTORS * LANES] __attribute__((aligned(64)));
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) vec_store(tile + (r * vectors + v) * LANES, sum[r][v]);
  }
  gemm_bf16_finish(place, tile, (size_t)rows, (size_t)vectors * LANES);
}

#define PAIRS_TILE(rows, vectors)                                                        \
  static NOINLINE void gemm_bf16_tile_##rows##x##vectors(const gemm_bf16_place *place) { \
    gemm_bf16_tile(place, rows, vectors);                                                \
  }
#define PAIRS_TILES_4(v) PAIRS_TILE(1, v) PAIRS_TILE(2, v) PAIRS_TILE(3, v) PAIRS_TILE(4, v)
#define PAIRS_TILES_6(v) PAIRS_TILES_4(v) PAIRS_TILE(5, v) PAIRS_TILE(6, v)
#define PAIRS_TILES_8(v) PAIRS_TILES_6(v) PAIRS_TILE(7, v) PAIRS_TILE(8, v)
#define PAIRS_TILES_12(v) PAIRS_TILES_8(v) PAIRS_TILE(9, v) PAIRS_TILE(10, v) PAIRS_TILE(11, v) PAIRS_TILE(12, v)
#define PAIRS_TILES_14(v) PAIRS_TILES_12(v) PAIRS_TILE(13, v) PAIRS_TILE(14, v)

#define PAIRS_NAME(rows, vectors) gemm_bf16_tile_##rows##x##vectors
#define PAIRS_NAMES_4(v) PAIRS_NAME(1, v), PAIRS_NAME(2, v), PAIRS_NAME(3, v), PAIRS_NAME(4, v)
#define PAIRS_NAMES_6(v) PAIRS_NAMES_4(v), PAIRS_NAME(5, v), PAIRS_NAME(6, v)
#define PAIRS_NAMES_8(v) PAIRS_NAMES_6(v), PAIRS_NAME(7, v), PAIRS_NAME(8, v)
#define PAIRS_NAMES_12(v) PAIRS_NAMES_8(v), PAIRS_NAME(9, v), PAIRS_NAME(10, v), PAIRS_NAME(11, v), PAIRS_NAME(12, v)
#define PAIRS_NAMES_14(v) PAIRS_NAMES_12(v), PAIRS_NAME(13, v), PAIRS_NAME(14, v)

#define PAIRS_TILES(rows, vectors) GEMM_JOIN(PAIRS_TILES_, rows)(vectors)
#define PAIRS_NAMES(rows, vectors) GEMM_JOIN(PAIRS_NAMES_, rows)(vectors)

PAIRS_TILES(PAIRS_ROWS_2, 2)
#ifdef PAIRS_ROWS_3
PAIRS_TILES(PAIRS_ROWS_3, 3)
#endif
#ifdef PAIRS_ROWS_1
PAIRS_TILES(PAIRS_ROWS_1, 1)
#endif

/* The tiles of one width, by their number of rows less one. */
typedef struct {
  void (*const *tiles)(const gemm_bf16_place *);
  size_t rows, columns;
} gemm_bf16_shape;

/* The widest tile whose columns divide a panel of `width` columns: 48, 32 or 16. */
INLINE gemm_bf16_shape gemm_bf16_shape_for(size_t width) {
#ifdef PAIRS_ROWS_3
  static void (*const three[])(const gemm_bf16_place *) = {PAIRS_NAMES(PAIRS_ROWS_3, 3)};
  if (width % (3 * LANES) == 0) return (gemm_bf16_shape){three, PAIRS_ROWS_3, 3 * LANES};
#endif
#ifdef PAIRS_ROWS_1
  static void (*const one[])(const gemm_bf16_place *) = {PAIRS_NAMES(PAIRS_ROWS_1, 1)};
  if (width % (2 * LANES) != 0) return (gemm_bf16_shape){one, PAIRS_ROWS_1, LANES};
#endif
  static void (*const two[])(const gemm_bf16_place *) = {PAIRS_NAMES(PAIRS_ROWS_2, 2)};
  return (gemm_bf16_shape){two, PAIRS_ROWS_2, 2 * LANES};
}

/* All rows of the panel that begins at `column`. */
static void gemm_bf16_panel(const evssm_gemm_bf16_args *args, size_t column, size_t width, const uint16_t *panel) {
  const gemm_bf16_shape shape = gemm_bf16_shape_for(width);
  for (size_t n = 0; n < width; n += shape.columns) {
    gemm_bf16_place place = {args, 0, column + n, panel + 2 * n, 2 * width};
    for (; place.row + shape.rows <= args->rows; place.row += shape.rows) shape.tiles[shape.rows - 1](&place);
    if (place.row < args->rows) shape.tiles[args->rows - place.row - 1](&place);
  }
}

static NOINLINE void gemm_bf16_panels(const evssm_gemm_bf16_args *args) {
  const size_t depth = args->segments * args->segment_k;
  for (size_t column = 0; column < args->width; column += EVSSM_PANEL) {
    size_t left = args->width - column;
    gemm_bf16_panel(args, column, left < EVSSM_PANEL ? left : EVSSM_PANEL, args->b + column * depth);
  }
}

static void gemm_bf16(const evssm_gemm_bf16_args *args) {
  pairs_mode mode = pairs_begin();
  gemm_bf16_panels(args);
  pairs_end(mode);
}
