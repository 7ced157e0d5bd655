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

/* The tables: evssm_table_NAME, where the build has it; and evssm_set_NAME, which is the table where this processor has
 * the set too, NULL elsewhere. The compiler's check of a processor covers the operating system's part: a set whose
 * registers the system does not save is reported missing. */
#define EVSSM_SET(constant, name)                \
  extern const evssm_kernels evssm_table_##name; \
  const evssm_kernels *evssm_set_##name(void);
#include "sets.def"
#undef EVSSM_SET

#endif
