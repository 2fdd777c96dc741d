// All loops, each as GRAFT_LOOP(result, name, (parameters), (arguments)); whoever includes this says what becomes of them.
#include "byte_loops.h"
#include "depthwise_loops.h"
#include "elementwise_loops.h"
#include "layer_norm_loops.h"
#include "normalization_loops.h"
#include "optimizer_loops.h"
#include "peak_loops.h"
#include "winograd_loops.h"
