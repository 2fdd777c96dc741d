// Reading JPEG, PNG, WebP, GIF, TIFF, HEIC and AVIF from memory into 8-bit RGB, and the loops that resample and normalise pixels.
//
// Why C: libjpeg and libpng report errors by calling a function that must not return, which only setjmp and longjmp can serve,
// and the pixel loops want vector types and one compiled clone for each instruction set.
#pragma once
#include "Codec.h"
#include "PixelLoops.h"
