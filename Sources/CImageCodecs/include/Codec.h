// One decoder for all formats: open reads the header, decode the pixels. Nothing here prints or exits.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
    IMAGE_CODEC_JPEG = 1,
    IMAGE_CODEC_PNG,
    IMAGE_CODEC_WEBP,
    IMAGE_CODEC_GIF,
    IMAGE_CODEC_TIFF,
    IMAGE_CODEC_HEIF,  // HEIC and AVIF
} ImageCodecFormat;

typedef enum {
    IMAGE_CODEC_OK = 0,
    IMAGE_CODEC_TRUNCATED,    // the file ends before the image does
    IMAGE_CODEC_CORRUPT,      // the library refuses the contents; its words are the message
    IMAGE_CODEC_TOO_LARGE,    // more pixels than the limit; nothing was allocated
    IMAGE_CODEC_UNSUPPORTED,  // a kind of this format that is not read
    IMAGE_CODEC_OUT_OF_MEMORY,
} ImageCodecStatus;

/// Whether this program was built with the library that reads the format.
int image_codec_reads(ImageCodecFormat format);

/// A decoder that is used for one image after the other, by one thread at a time.
typedef struct ImageCodec ImageCodec;

/// Returns NULL when memory is out.
ImageCodec *image_codec_create(void);
void image_codec_destroy(ImageCodec *codec);

/// A rectangle of pixels.
typedef struct {
    uint32_t left, top, width, height;
} ImageCodecPart;

/// Reads the header of the image in `bytes`, which must stay in place until the image is decoded or another one is opened.
/// Images of more than `pixel_limit` pixels are refused before anything of their size is allocated.
ImageCodecStatus image_codec_open(
    ImageCodec *codec, ImageCodecFormat format, const uint8_t *bytes, size_t count, uint64_t pixel_limit);

/// The size of the opened image in pixels, after scaling.
uint32_t image_codec_width(const ImageCodec *codec);
uint32_t image_codec_height(const ImageCodec *codec);

/// Divides the size of the opened image by `divisor` (1, 2, 4 or 8), rounding up: a JPEG is then decoded with a smaller inverse
/// DCT, in which a pixel is about the mean of `divisor` × `divisor` pixels. Other formats refuse any but 1.
ImageCodecStatus image_codec_scale(ImageCodec *codec, int divisor);

/// Limits decoding to a part of the opened (and scaled) image that contains `wanted`, and returns that part: of a JPEG, `wanted`
/// and what its blocks and the smoothing between them need; of other formats, everything.
ImageCodecPart image_codec_limit(ImageCodec *codec, ImageCodecPart wanted);

/// Decodes the opened image, or the part to which it was limited, into rows of 3 bytes a pixel (R, G, B), without gaps. The
/// `wanted` pixels of a part are those of the whole image, bit for bit. Transparency is laid over white. An image can be decoded
/// once for each opening.
///
/// Whatever is limited, the whole file is read through and a damaged or shortened one refused; but with `stops_early`, of a JPEG's
/// data below the part only the end marker is looked for.
ImageCodecStatus image_codec_decode(ImageCodec *codec, uint8_t *rgb, int stops_early);

/// How often the library found something odd in this image that did not keep it from being decoded.
long image_codec_warnings(const ImageCodec *codec);
/// In the library's words, why pixels of this image are not what they were though it could be decoded; empty where they are.
const char *image_codec_damage(const ImageCodec *codec);
/// What went wrong, in the library's words; valid until the next call.
const char *image_codec_message(const ImageCodec *codec);

/// Unpacks zlib's format, as PNG's text chunks have it. Returns the number of bytes, 0 where they are damaged or more than `capacity`.
size_t image_codec_inflate(const uint8_t *bytes, size_t count, uint8_t *target, size_t capacity);

/// Writes `height` rows of `3 * width` bytes (R, G, B) as a JPEG of `quality` 1 to 100 with halved chroma. Returns its bytes, `*count`
/// of them, to be given back with `free`; NULL when that fails.
uint8_t *image_codec_write_jpeg(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, size_t *count);

/// The same as a PNG.
uint8_t *image_codec_write_png(const uint8_t *rgb, uint32_t width, uint32_t height, size_t *count);
