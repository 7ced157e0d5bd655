#include "CKernels.h"

const evssm_kernels *evssm_kernels_for(evssm_isa isa) { (void)isa; return 0; }
evssm_isa evssm_best_isa(void) { return EVSSM_ISA_BASELINE; }
const char *evssm_isa_name(evssm_isa isa) { (void)isa; return "baseline"; }
