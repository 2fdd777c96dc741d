// The decoder that all formats stand behind.
#include "CodecState.h"
#include "Formats.h"

#include <stdlib.h>

int image_codec_reads(ImageCodecFormat format) {
#if !defined(HAS_LIBHEIF)
    if (format == IMAGE_CODEC_HEIF) return 0;
#endif
    return format >= IMAGE_CODEC_JPEG && format <= IMAGE_CODEC_HEIF;
}

ImageCodec *image_codec_create(void) {
    ImageCodec *codec = calloc(1, sizeof *codec);
    if (!codec) return NULL;
    codec->jpeg = jpeg_state_create();
    if (!codec->jpeg) {
        free(codec);
        return NULL;
    }
    return codec;
}

void image_codec_destroy(ImageCodec *codec) {
    if (!codec) return;
    heif_close(codec);
    jpeg_state_destroy(codec->jpeg);
    free(codec);
}

static ImageCodecPart whole(const ImageCodec *codec) { return (ImageCodecPart){0, 0, codec->width, codec->height}; }

ImageCodecStatus image_codec_open(
    ImageCodec *codec, ImageCodecFormat format, const uint8_t *bytes, size_t count, uint64_t pixel_limit) {
    heif_close(codec);
    codec->format = format;
    codec->status = IMAGE_CODEC_OK;
    codec->bytes = bytes;
    codec->count = count;
    codec->pixel_limit = pixel_limit;
    codec->width = codec->height = 0;
    codec->warnings = 0;
    codec->message[0] = 0;
    codec->damage[0] = 0;
    ImageCodecStatus status;
    switch (format) {
        case IMAGE_CODEC_JPEG: status = jpeg_open(codec); break;
        case IMAGE_CODEC_PNG: status = png_open(codec); break;
        case IMAGE_CODEC_WEBP: status = webp_open(codec); break;
        case IMAGE_CODEC_GIF: status = gif_open(codec); break;
        case IMAGE_CODEC_TIFF: status = tiff_open(codec); break;
        case IMAGE_CODEC_HEIF: status = heif_open(codec); break;
        default: status = codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "unknown format");
    }
    codec->part = whole(codec);
    return status;
}

ImageCodecStatus image_codec_scale(ImageCodec *codec, int divisor) {
    if (codec->status != IMAGE_CODEC_OK) return codec->status;
    if (codec->format == IMAGE_CODEC_JPEG) {
        ImageCodecStatus status = jpeg_scale(codec, divisor);
        codec->part = whole(codec);
        return status;
    }
    return divisor == 1 ? IMAGE_CODEC_OK : codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "only a JPEG is scaled while decoding");
}

ImageCodecPart image_codec_limit(ImageCodec *codec, ImageCodecPart wanted) {
    codec->part = whole(codec);
    if (codec->status == IMAGE_CODEC_OK && codec->format == IMAGE_CODEC_JPEG) codec->part = jpeg_part(codec, wanted);
    return codec->part;
}

ImageCodecStatus image_codec_decode(ImageCodec *codec, uint8_t *rgb, int stops_early) {
    if (codec->status != IMAGE_CODEC_OK) return codec->status;
    switch (codec->format) {
        case IMAGE_CODEC_JPEG: return jpeg_decode(codec, rgb, stops_early);
        case IMAGE_CODEC_PNG: return png_decode(codec, rgb);
        case IMAGE_CODEC_WEBP: return webp_decode(codec, rgb);
        case IMAGE_CODEC_GIF: return gif_decode(codec, rgb);
        case IMAGE_CODEC_TIFF: return tiff_decode(codec, rgb);
        case IMAGE_CODEC_HEIF: return heif_decode(codec, rgb);
    }
    return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "unknown format");
}

uint32_t image_codec_width(const ImageCodec *codec) { return codec->width; }
uint32_t image_codec_height(const ImageCodec *codec) { return codec->height; }
long image_codec_warnings(const ImageCodec *codec) { return codec->warnings; }
const char *image_codec_damage(const ImageCodec *codec) { return codec->damage; }
const char *image_codec_message(const ImageCodec *codec) { return codec->message; }
