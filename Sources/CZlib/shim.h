// zlib, for what HDF5 files hold compressed. libpng needs it too.
#include <zlib.h>
