// What the formats share.
#include "CodecState.h"

#include <stdio.h>

ImageCodecStatus codec_fail(ImageCodec *codec, ImageCodecStatus status, const char *message) {
    codec->status = status;
    snprintf(codec->message, sizeof codec->message, "%s", message);
    return status;
}

void codec_note_damage(ImageCodec *codec, const char *words) {
    if (!codec->damage[0]) snprintf(codec->damage, sizeof codec->damage, "%s", words);
}

ImageCodecStatus codec_set_size(ImageCodec *codec, uint64_t width, uint64_t height) {
    if (width == 0 || height == 0) return codec_fail(codec, IMAGE_CODEC_CORRUPT, "the image has no pixels");
    codec->width = (uint32_t)width;
    codec->height = (uint32_t)height;
    if (width > codec->pixel_limit / height) return codec_fail(codec, IMAGE_CODEC_TOO_LARGE, "too many pixels");
    return IMAGE_CODEC_OK;
}

void codec_over_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        unsigned alpha = rgba[4 * i + 3];
        for (int c = 0; c < 3; c++) {
            unsigned sum = rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 128;
            rgb[3 * i + c] = (uint8_t)((sum + (sum >> 8)) >> 8);  // exactly sum / 255 here
        }
    }
}
