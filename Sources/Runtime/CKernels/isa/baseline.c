/* The kernels for what the package is compiled for. */
#include "tables.h"
#include "../vocabulary/baseline.h"
#include "../body/bodies.h"

const evssm_kernels *evssm_set_baseline(void) { return &evssm_table_baseline; }
