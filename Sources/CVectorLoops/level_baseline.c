// The loops for every processor of the architecture.
#define GRAFT_REGISTER_BITS 128
#define GRAFT_AT(name) name##_baseline
#include "loops/every_loop.h"
