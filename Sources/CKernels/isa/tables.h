/* The tables of the instruction sets, and what their files share. */
#ifndef EVSSM_ISA_TABLES_H
#define EVSSM_ISA_TABLES_H

#include "CKernels.h"

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define UNROLL _Pragma("clang loop unroll(full)")

extern const evssm_kernels evssm_table_baseline;
extern const evssm_kernels evssm_table_avx2;
extern const evssm_kernels evssm_table_avx512;
extern const evssm_kernels evssm_table_neon;

#endif
