// The bodies of all loops, compiled for one level: GRAFT_AT(name) is a function's name there. Included by the three files of levels.
#include "../loop_table.h"
#include <math.h>
#include <string.h>

// Helpers must be compiled inside of each loop, for its level.
#define GRAFT_INLINE static inline __attribute__((always_inline))
// Before a loop whose result may stand exactly on an operand: without it the compiler's check for overlap finds one and takes the scalar
// loop.
#define GRAFT_IN_PLACE _Pragma("clang loop vectorize(assume_safety)")
#define GRAFT_UNROLLED _Pragma("clang loop unroll(full)")

// Channels whose partial sums stay in registers and the first-level cache.
enum { block_channels = 256 };

GRAFT_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

#include "vector_math.h"
#include "number_formats.h"
#include "activation_math.h"
#include "vector_lanes.h"
#include "lane_products.h"

#include "byte.h"
#include "depthwise.h"
#include "elementwise.h"
#include "lane_convolution.h"
#include "layer_norm.h"
#include "normalization.h"
#include "optimizer.h"
#include "peak.h"
#include "pooling.h"
#include "winograd.h"
#include "winograd_product.h"

#define GRAFT_LOOP(result, name, parameters, arguments) .name = GRAFT_AT(name),
const graft_loop_table GRAFT_AT(graft_loops) = {
#include "loop_list.h"
};
#undef GRAFT_LOOP
