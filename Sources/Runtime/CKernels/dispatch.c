/* Which instruction sets this processor has. */
#include "isa/tables.h"

const char *evssm_isa_name(evssm_isa isa) {
  static const char *const names[] = {
#define EVSSM_SET(constant, name) #name,
#include "sets.def"
#undef EVSSM_SET
  };
  return (size_t)isa < sizeof names / sizeof names[0] ? names[isa] : NULL;
}

const evssm_kernels *evssm_kernels_for(evssm_isa isa) {
  static const evssm_kernels *(*const sets[])(void) = {
#define EVSSM_SET(constant, name) evssm_set_##name,
#include "sets.def"
#undef EVSSM_SET
  };
  return (size_t)isa < sizeof sets / sizeof sets[0] ? sets[isa]() : NULL;
}

evssm_isa evssm_best_isa(void) {
  for (int isa = EVSSM_ISA_COUNT - 1; isa > 0; isa--) {
    if (evssm_kernels_for((evssm_isa)isa)) return (evssm_isa)isa;
  }
  return EVSSM_ISA_BASELINE;
}
