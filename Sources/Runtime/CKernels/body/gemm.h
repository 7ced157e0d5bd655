/* Matrix products. A tile is a few rows by up to three vectors of columns, summed in registers over the whole of K in
 * order, whatever its number of rows: a result does not depend on how rows are cut into tiles. */

#ifdef GEMM_ROWS_1
#define GEMM_MOST_ROWS GEMM_ROWS_1
#else
#define GEMM_MOST_ROWS GEMM_ROWS_2
#endif
#define GEMM_MOST_VECTORS 3

/* Where a tile lies. */
typedef struct {
  const evssm_gemm_args *args;
  size_t row, column;
  const float *b; /* first row of B, first column of the tile */
  size_t b_stride;
} gemm_place;

/* Gates or activates the sums of a tile, which lie in `tile` with rows of `width` floats. */
static NOINLINE void gemm_finish(const gemm_place *place, const float *tile, size_t rows, size_t width) {
  const evssm_gemm_args *args = place->args;
  for (size_t r = 0; r < rows; r++, tile += width) {
    float *c = args->c + (ptrdiff_t)(place->row + r) * args->c_stride + (ptrdiff_t)place->column;
    for (size_t n = 0; n < width; n += LANES) {
      vec v = function_gelu(vec_load(tile + n));
      if (args->epilogue == EVSSM_EPILOGUE_GATE) v = vec_mul(vec_load(c + n), v);
      vec_store(c + n, v);
    }
  }
}

/* Adds one segment's products to the sums. */
INLINE void gemm_accumulate(vec sum[][GEMM_MOST_VECTORS], const float *a, ptrdiff_t a_stride, const float *b,
                            size_t b_stride, size_t depth, int rows, int vectors) {
  for (size_t k = 0; k < depth; k++, a++, b += b_stride) {
    vec line[GEMM_MOST_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) line[v] = vec_load(b + v * LANES);
    UNROLL for (int r = 0; r < rows; r++) {
      vec value = vec_set(a[r * a_stride]);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = vec_fma(value, line[v], sum[r][v]);
    }
  }
}

INLINE void gemm_store(const gemm_place *place, vec sum[][GEMM_MOST_VECTORS], int rows, int vectors) {
  const evssm_gemm_args *args = place->args;
  float *c = args->c + (ptrdiff_t)place->row * args->c_stride + (ptrdiff_t)place->column;
  if (args->epilogue == EVSSM_EPILOGUE_STORE) {
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int v = 0; v < vectors; v++) vec_store(c + r * args->c_stride + v * LANES, sum[r][v]);
    }
  } else if (args->epilogue == EVSSM_EPILOGUE_ADD) {
    const float *addend = args->addend + (ptrdiff_t)place->row * args->addend_stride + (ptrdiff_t)place->column;
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int v = 0; v < vectors; v++) {
        vec old = vec_load(addend + r * args->addend_stride + v * LANES);
        vec_store(c + r * args->c_stride + v * LANES, vec_add(old, sum[r][v]));
      }
    }
  } else {
    float tile[GEMM_MOST_ROWS * GEMM_MOST_VECTORS * LANES] __attribute__((aligned(64)));
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int v = 0; v < vectors; v++) vec_store(tile + (r * vectors + v) * LANES, sum[r][v]);
    }
    gemm_finish(place, tile, (size_t)rows, (size_t)vectors * LANES);
  }
}

INLINE void gemm_tile(const gemm_place *place, int rows, int vectors) {
  const evssm_gemm_args *args = place->args;
  vec sum[GEMM_MOST_ROWS][GEMM_MOST_VECTORS];
  UNROLL for (int v = 0; v < vectors; v++) {
    vec first = args->bias ? vec_load(args->bias + place->column + v * LANES) : vec_set(0);
    UNROLL for (int r = 0; r < rows; r++) sum[r][v] = first;
  }
  for (size_t s = 0; s < args->segments; s++) {
    const float *a = args->a[s] + (ptrdiff_t)place->row * args->a_stride;
    const float *b = place->b + s * args->segment_k * place->b_stride;
    gemm_accumulate(sum, a, args->a_stride, b, place->b_stride, args->segment_k, rows, vectors);
  }
  gemm_store(place, sum, rows, vectors);
}

#define GEMM_TILE(rows, vectors) \
  static NOINLINE void gemm_tile_##rows##x##vectors(const gemm_place *place) { gemm_tile(place, rows, vectors); }
#define GEMM_TILES_4(vectors) GEMM_TILE(1, vectors) GEMM_TILE(2, vectors) GEMM_TILE(3, vectors) GEMM_TILE(4, vectors)
#define GEMM_TILES_6(vectors) GEMM_TILES_4(vectors) GEMM_TILE(5, vectors) GEMM_TILE(6, vectors)
#define GEMM_TILES_8(vectors) GEMM_TILES_6(vectors) GEMM_TILE(7, vectors) GEMM_TILE(8, vectors)
#define GEMM_TILES_12(vectors) \
  GEMM_TILES_8(vectors) GEMM_TILE(9, vectors) GEMM_TILE(10, vectors) GEMM_TILE(11, vectors) GEMM_TILE(12, vectors)
#define GEMM_TILES_14(vectors) GEMM_TILES_12(vectors) GEMM_TILE(13, vectors) GEMM_TILE(14, vectors)

#define GEMM_NAMES_4(v) gemm_tile_1x##v, gemm_tile_2x##v, gemm_tile_3x##v, gemm_tile_4x##v
#define GEMM_NAMES_6(v) GEMM_NAMES_4(v), gemm_tile_5x##v, gemm_tile_6x##v
#define GEMM_NAMES_8(v) GEMM_NAMES_6(v), gemm_tile_7x##v, gemm_tile_8x##v
#define GEMM_NAMES_12(v) GEMM_NAMES_8(v), gemm_tile_9x##v, gemm_tile_10x##v, gemm_tile_11x##v, gemm_tile_12x##v
#define GEMM_NAMES_14(v) GEMM_NAMES_12(v), gemm_tile_13x##v, gemm_tile_14x##v

#define GEMM_JOIN_(a, b) a##b
#define GEMM_JOIN(a, b) GEMM_JOIN_(a, b)
#define GEMM_TILES(rows, vectors) GEMM_JOIN(GEMM_TILES_, rows)(vectors)
#define GEMM_NAMES(rows, vectors) GEMM_JOIN(GEMM_NAMES_, rows)(vectors)

GEMM_TILES(GEMM_ROWS_2, 2)
#ifdef GEMM_ROWS_3
GEMM_TILES(GEMM_ROWS_3, 3)
#endif
#ifdef GEMM_ROWS_1
GEMM_TILES(GEMM_ROWS_1, 1)
#endif

/* The tiles of one width, by their number of rows less one. */
typedef struct {
  void (*const *tiles)(const gemm_place *);
  size_t rows, columns;
} gemm_shape;

/* The widest tile whose columns divide a panel of `width` columns: 48, 32 or 16. */
INLINE gemm_shape gemm_shape_for(size_t width) {
#ifdef GEMM_ROWS_3
  static void (*const three[])(const gemm_place *) = {GEMM_NAMES(GEMM_ROWS_3, 3)};
  if (width % (3 * LANES) == 0) return (gemm_shape){three, GEMM_ROWS_3, 3 * LANES};
#endif
#ifdef GEMM_ROWS_1
  static void (*const one[])(const gemm_place *) = {GEMM_NAMES(GEMM_ROWS_1, 1)};
  if (width % (2 * LANES) != 0) return (gemm_shape){one, GEMM_ROWS_1, LANES};
#endif
  static void (*const two[])(const gemm_place *) = {GEMM_NAMES(GEMM_ROWS_2, 2)};
  return (gemm_shape){two, GEMM_ROWS_2, 2 * LANES};
}

/* All rows of the panel that begins at `column`. */
static void gemm_panel(const evssm_gemm_args *args, size_t column, size_t width, const float *panel) {
  const gemm_shape shape = gemm_shape_for(width);
  for (size_t n = 0; n < width; n += shape.columns) {
    gemm_place place = {args, 0, column + n, panel + n, width};
    for (; place.row + shape.rows <= args->rows; place.row += shape.rows) shape.tiles[shape.rows - 1](&place);
    if (place.row < args->rows) shape.tiles[args->rows - place.row - 1](&place);
  }
}

static void gemm(const evssm_gemm_args *args) {
  const size_t depth = args->segments * args->segment_k;
  for (size_t column = 0; column < args->width; column += EVSSM_PANEL) {
    size_t left = args->width - column;
    gemm_panel(args, column, left < EVSSM_PANEL ? left : EVSSM_PANEL, args->b + column * depth);
  }
}
