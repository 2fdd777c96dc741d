// WebP through libwebp: lossy and lossless images, and the first picture of animations.
#include "Formats.h"

#include <stdlib.h>

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

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
    return codec_set_size(codec, (uint64_t)features.width, (uint64_t)features.height);
}

/// The first picture of an animation, laid on its canvas.
static ImageCodecStatus decode_animation(ImageCodec *codec, uint8_t *rgb) {
    WebPAnimDecoderOptions options;
    if (!WebPAnimDecoderOptionsInit(&options)) return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "libwebp is of another version");
    WebPData data = {codec->bytes, codec->count};
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, &options);
    uint8_t *canvas = NULL;
    int end = 0;
    ImageCodecStatus status = IMAGE_CODEC_OK;
    if (decoder && WebPAnimDecoderGetNext(decoder, &canvas, &end)) {
        codec_over_white(canvas, rgb, (size_t)codec->width * codec->height);
    } else {
        status = codec_fail(codec, IMAGE_CODEC_CORRUPT, "the animation's first picture is damaged or cut short");
    }
    WebPAnimDecoderDelete(decoder);
    return status;
}

ImageCodecStatus webp_decode(ImageCodec *codec, uint8_t *rgb) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "libwebp is of another version");
    VP8StatusCode code = WebPGetFeatures(codec->bytes, codec->count, &config.input);
    if (code != VP8_STATUS_OK) return fail(codec, code);
    if (config.input.has_animation) return decode_animation(codec, rgb);
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
