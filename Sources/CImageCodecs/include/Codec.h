// One decoder for the three formats: open reads the header, decode the pixels. Nothing here prints or exits.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum { IMAGE_CODEC_JPEG = 1, IMAGE_CODEC_PNG = 2, IMAGE_CODEC_WEBP = 3 } ImageCodecFormat;

typedef enum {
    IMAGE_CODEC_OK = 0,
    IMAGE_CODEC_TRUNCATED,    // the file ends before the image does
    IMAGE_CODEC_CORRUPT,      // the library refuses the contents; its words are the message
    IMAGE_CODEC_TOO_LARGE,    // more pixels than the limit; nothing was allocated
    IMAGE_CODEC_UNSUPPORTED,  // a kind of this format that is not read
    IMAGE_CODEC_OUT_OF_MEMORY,
} ImageCodecStatus;

/// A decoder that is used for one image after the other, by one thread at a time.
typedef struct ImageCodec ImageCodec;

/// Returns NULL when memory is out.
ImageCodec *image_codec_create(void);
void image_codec_destroy(ImageCodec *codec);

/// Reads the header of the image in `bytes`, which must stay in place until the image is decoded or another one is opened.
/// Images of more than `pixel_limit` pixels are refused before anything of their size is allocated.
/// `scale` (1, 2, 4 or 8) divides the size of a JPEG while decoding, by a smaller inverse DCT; other formats ignore it.
ImageCodecStatus image_codec_open(
    ImageCodec *codec, ImageCodecFormat format, const uint8_t *bytes, size_t count, uint64_t pixel_limit, int scale);

/// The size of the opened image in pixels, after scaling.
uint32_t image_codec_width(const ImageCodec *codec);
uint32_t image_codec_height(const ImageCodec *codec);

/// Decodes the opened image into `height` rows of `3 * width` bytes (R, G, B), without gaps. Transparency is laid over white.
/// An image can be decoded once for each opening.
ImageCodecStatus image_codec_decode(ImageCodec *codec, uint8_t *rgb);

/// How often the library found something odd in this image that did not keep it from being decoded.
long image_codec_warnings(const ImageCodec *codec);
/// What went wrong, in the library's words; valid until the next call.
const char *image_codec_message(const ImageCodec *codec);
