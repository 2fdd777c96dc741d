// Hot loops in C: Swift cannot compile one function for several instruction sets, and these are bound by vector width.
#pragma once
#include "bfloat16_loops.h"
#include "depthwise_loops.h"
#include "elementwise_loops.h"
#include "int8_loops.h"
#include "normalization_loops.h"
#include "optimizer_loops.h"
#include "peak_loop.h"
#include "winograd_loops.h"
