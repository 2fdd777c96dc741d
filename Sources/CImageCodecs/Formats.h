// The three formats, as the decoder calls them: each opens, and decodes into `rgb`.
#pragma once
#include "CodecState.h"

JpegState *jpeg_state_create(void);
void jpeg_state_destroy(JpegState *state);
ImageCodecStatus jpeg_open(ImageCodec *codec);
ImageCodecStatus jpeg_scale(ImageCodec *codec, int divisor);
ImageCodecPart jpeg_part(const ImageCodec *codec, ImageCodecPart wanted);
ImageCodecStatus jpeg_decode(ImageCodec *codec, uint8_t *rgb, int stops_early);
ImageCodecStatus png_open(ImageCodec *codec);
ImageCodecStatus png_decode(ImageCodec *codec, uint8_t *rgb);
ImageCodecStatus webp_open(ImageCodec *codec);
ImageCodecStatus webp_decode(ImageCodec *codec, uint8_t *rgb);
