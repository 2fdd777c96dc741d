// What the formats share, and knows none of them: the codec's state, how a failure is noted, the size, the white ground.
#pragma once
#include "include/Codec.h"

typedef struct JpegState JpegState;
typedef struct HeifState HeifState;

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
    char damage[256];  // the first sign that pixels are not what they were; empty for none
    JpegState *jpeg;
    HeifState *heif;  // of the opened image; NULL where it is of another format
};

/// Notes a failure and its words, and returns it.
ImageCodecStatus codec_fail(ImageCodec *codec, ImageCodecStatus status, const char *message);
/// Notes that pixels are not what they were, and why; the first note of an image stands.
void codec_note_damage(ImageCodec *codec, const char *words);
/// Takes the image's size, or refuses it.
ImageCodecStatus codec_set_size(ImageCodec *codec, uint64_t width, uint64_t height);
/// Lays RGBA pixels over white: `out = rgb * a + 255 * (1 - a)`, rounded to nearest, as Pillow's paste with a mask does.
void codec_over_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels);
