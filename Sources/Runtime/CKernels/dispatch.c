/* Which instruction sets this processor has. The compiler's check covers the operating system's part: a set whose
 * registers it does not save is reported missing. */
#include "isa/tables.h"

const char *evssm_isa_name(evssm_isa isa) {
  switch (isa) {
    case EVSSM_ISA_BASELINE:
      return "baseline";
    case EVSSM_ISA_AVX2:
      return "avx2";
    case EVSSM_ISA_AVX512:
      return "avx512";
    case EVSSM_ISA_AVX512BF16:
      return "avx512bf16";
    case EVSSM_ISA_NEON:
      return "neon";
    default:
      return NULL;
  }
}

#if defined(__x86_64__)
static int evssm_has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int evssm_has_avx512(void) {
  return evssm_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static int evssm_has_avx512bf16(void) { return evssm_has_avx512() && __builtin_cpu_supports("avx512bf16"); }
#endif

const evssm_kernels *evssm_kernels_for(evssm_isa isa) {
  switch (isa) {
    case EVSSM_ISA_BASELINE:
      return &evssm_table_baseline;
#if defined(__x86_64__)
    case EVSSM_ISA_AVX2:
      return evssm_has_avx2() ? &evssm_table_avx2 : NULL;
    case EVSSM_ISA_AVX512:
      return evssm_has_avx512() ? &evssm_table_avx512 : NULL;
    case EVSSM_ISA_AVX512BF16:
      return evssm_has_avx512bf16() ? &evssm_table_avx512bf16 : NULL;
#elif defined(__aarch64__)
    case EVSSM_ISA_NEON:
      return &evssm_table_neon;
#endif
    default:
      return NULL;
  }
}

evssm_isa evssm_best_isa(void) {
  static const evssm_isa ordered[] = {EVSSM_ISA_AVX512BF16, EVSSM_ISA_AVX512, EVSSM_ISA_AVX2, EVSSM_ISA_NEON};
  for (size_t i = 0; i < sizeof ordered / sizeof ordered[0]; i++) {
    if (evssm_kernels_for(ordered[i])) return ordered[i];
  }
  return EVSSM_ISA_BASELINE;
}
