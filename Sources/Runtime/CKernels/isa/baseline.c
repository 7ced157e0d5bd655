/* The kernels for what the package is compiled for. */
#include "tables.h"
#include "../vocabulary/baseline.h"
#include "../body/bodies.h"
