// WebP through libwebp: lossy and lossless still images.
#include "Formats.h"

#include <stdlib.h>

#include <webp/decode.h>

static ImageCodecStatus fail(ImageCodec *codec, VP8StatusCode code) {
    switch (code) {
        case VP8_STATUS_OUT_OF_MEMORY: return codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the image");
        case VP8_STATUS_SUSPENDED: case VP8_STATUS_NOT_ENOUGH_DATA:
            return codec_fail(codec, IMAGE_CODEC_TRUNCATED, "the file ends before the image does");
        case VP8_STATUS_UNSUPPORTED_FEATURE: return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "it uses an unsupported feature");
        default: return codec_fail(codec, IMAGE_CODEC_CORRUPT, "the WebP bitstream is damaged");
    }
}

ImageCodecStatus webp_open(ImageCodec *codec) {
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(codec->bytes, codec->count, &features);
    if (code != VP8_STATUS_OK) return fail(codec, code);
    if (features.has_animation) return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "it is an animation");
    return codec_set_size(codec, (uint64_t)features.width, (uint64_t)features.height);
}

ImageCodecStatus webp_decode(ImageCodec *codec, uint8_t *rgb) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "libwebp is of another version");
    VP8StatusCode code = WebPGetFeatures(codec->bytes, codec->count, &config.input);
    if (code != VP8_STATUS_OK) return fail(codec, code);
    size_t pixels = (size_t)codec->width * codec->height;
    int channels = config.input.has_alpha ? 4 : 3;
    uint8_t *target = channels == 4 ? malloc(4 * pixels) : rgb;
    if (!target) return codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the image");
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = target;
    config.output.u.RGBA.stride = channels * (int)codec->width;
    config.output.u.RGBA.size = (size_t)channels * pixels;
    code = WebPDecode(codec->bytes, codec->count, &config);
    if (code == VP8_STATUS_OK && channels == 4) codec_over_white(target, rgb, pixels);
    if (channels == 4) free(target);
    return code == VP8_STATUS_OK ? IMAGE_CODEC_OK : fail(codec, code);
}
