#include <zlib.h>

/// zlib's inflateInit2 is a macro.
static inline int evssm_inflate_init(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
static inline int evssm_deflate_init(z_stream *stream, int level, int window_bits) {
  return deflateInit2(stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}
