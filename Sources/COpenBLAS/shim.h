// CBLAS as OpenBLAS installs it, and the call that sets its thread count.
#include <cblas.h>
