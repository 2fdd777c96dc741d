// What the formats share: the codec's state and how a failure is noted.
#pragma once
#include "include/Codec.h"

/// Memory that libjpeg may take for one image: a progressive CMYK file at the pixel limit of the callers needs 1.4 GB.
#define JPEG_MEMORY_LIMIT (2L << 30)
/// Scans a progressive JPEG may have. Real files have about ten; thousands in a tiny file are an attack on the reader's time.
#define JPEG_SCAN_LIMIT 500

typedef struct JpegState JpegState;

struct ImageCodec {
    ImageCodecFormat format;
    ImageCodecStatus status;
    const uint8_t *bytes;
    size_t count;
    uint64_t pixel_limit;
    uint32_t width, height;
    ImageCodecPart part;  // what is decoded
    long warnings;
    char message[256];
    JpegState *jpeg;
};

/// Notes a failure and its words, and returns it.
ImageCodecStatus codec_fail(ImageCodec *codec, ImageCodecStatus status, const char *message);
/// Takes the image's size, or refuses it.
ImageCodecStatus codec_set_size(ImageCodec *codec, uint64_t width, uint64_t height);
/// Lays RGBA pixels over white: `out = rgb * a + 255 * (1 - a)`, rounded to nearest, as Pillow's paste with a mask does.
void codec_over_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels);

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
