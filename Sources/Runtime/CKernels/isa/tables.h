/* The tables of the instruction sets, and what their files share. */
#ifndef EVSSM_ISA_TABLES_H
#define EVSSM_ISA_TABLES_H

#include "CKernels.h"

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define UNROLL _Pragma("clang loop unroll(full)")

/* Asks for the line at p, to be read or to be written. Pixels of a row lie apart, so the processor does not see by
 * itself what comes next; an address behind the end of a map does no harm. */
#define PREFETCH(p) __builtin_prefetch((const void *)(p), 0, 3)
#define PREFETCH_WRITE(p) __builtin_prefetch((const void *)(p), 1, 3)

extern const evssm_kernels evssm_table_baseline;
extern const evssm_kernels evssm_table_avx2;
extern const evssm_kernels evssm_table_avx512;
extern const evssm_kernels evssm_table_avx512bf16;
extern const evssm_kernels evssm_table_neon;

#endif
