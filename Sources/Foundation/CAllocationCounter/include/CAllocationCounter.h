/* Counts the calls that ask the C library for memory, in the whole process: a measuring device of `evssm bench` and of
 * the tests, linked into executables only.
 *
 * With glibc, the target defines malloc and its relatives, which count and call on. Elsewhere nothing is counted. */
#ifndef EVSSM_ALLOCATION_COUNTER_H
#define EVSSM_ALLOCATION_COUNTER_H

#include <stdint.h>

/* Calls of malloc, calloc, realloc, memalign, aligned_alloc and posix_memalign since the process started. */
uint64_t evssm_allocation_count(void);

/* Whether calls are counted on this system. */
int evssm_counts_allocations(void);

/* Has the C library give large blocks back to the system when they are freed. Without it, glibc keeps freed blocks of
 * up to 32 MiB once such blocks have been used. */
void evssm_return_freed_memory(void);

#endif
