// The formats, as the decoder calls them: each opens, and decodes into `rgb`.
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
ImageCodecStatus gif_open(ImageCodec *codec);
ImageCodecStatus gif_decode(ImageCodec *codec, uint8_t *rgb);
ImageCodecStatus tiff_open(ImageCodec *codec);
ImageCodecStatus tiff_decode(ImageCodec *codec, uint8_t *rgb);
ImageCodecStatus heif_open(ImageCodec *codec);
ImageCodecStatus heif_decode(ImageCodec *codec, uint8_t *rgb);
/// Gives back what an opened image holds, if it is one of these.
void heif_close(ImageCodec *codec);
