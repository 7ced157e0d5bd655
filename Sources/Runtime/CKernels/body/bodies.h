/* All kernels of one instruction set. An isa/ file includes a vocabulary and then this, within a target region; every
 * function is static, and the table at the end is the only symbol. */
#include "functions.h"
#include "gemm.h"
#include "norms.h"
#include "depthwise.h"
#include "taps.h"
#include "scan.h"
#include "spectral.h"
#include "resample.h"
#include "map.h"
#include "elementwise.h"
#include "rows.h"
#include "planes.h"
#include "pairs.h"
#include "gemm_bf16.h"
#include "reduced.h"

#define EVSSM_STRING_(name) #name
#define EVSSM_STRING(name) EVSSM_STRING_(name)
#define EVSSM_TABLE_(name) evssm_table_##name
#define EVSSM_TABLE(name) EVSSM_TABLE_(name)

#define EVSSM_KERNEL(name, args) .name = name,
const evssm_kernels EVSSM_TABLE(EVSSM_SIMD_NAME) = {
    .isa = EVSSM_SIMD_ISA,
    .isa_name = EVSSM_STRING(EVSSM_SIMD_NAME),
#include "kernels.def"
    .peak = peak,
};
#undef EVSSM_KERNEL
