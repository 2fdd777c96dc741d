// Which state of the source this program was built from.
#include "CProcess.h"

#ifndef GRAFT_REVISION
#define GRAFT_REVISION ""
#endif

const char *graft_revision(void) { return GRAFT_REVISION; }
