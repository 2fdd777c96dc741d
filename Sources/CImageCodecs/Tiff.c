// TIFF through libtiff: the first picture of a file, of 1 to 16 bits a sample, whatever its colours, strips or tiles.
#include "Formats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

/// The most that libtiff may take at once for what a file says of itself.
#define TIFF_MEMORY_LIMIT ((tmsize_t)1 << 30)

typedef struct {
    ImageCodec *codec;
    uint64_t position;
    int ended;  // more was asked for than the file holds
    char words[256];
} TiffRead;

static tmsize_t feed(thandle_t handle, void *target, tmsize_t count) {
    TiffRead *read = (TiffRead *)handle;
    uint64_t size = read->codec->count, left = read->position < size ? size - read->position : 0;
    tmsize_t taken = (uint64_t)count < left ? count : (tmsize_t)left;
    if (taken < count) read->ended = 1;
    memcpy(target, read->codec->bytes + (read->position < size ? read->position : size), (size_t)taken);
    read->position += (uint64_t)taken;
    return taken;
}

static tmsize_t refuse_writing(thandle_t handle, void *bytes, tmsize_t count) {
    (void)handle, (void)bytes, (void)count;
    return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    TiffRead *read = (TiffRead *)handle;
    uint64_t start = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? read->position : read->codec->count;
    read->position = start + offset;
    return read->position;
}

static int leave_open(thandle_t handle) {
    (void)handle;
    return 0;
}

/// The file lies in memory as it is. (Debian's 4.5.0 refuses plain tiles that it would have to read into memory of its own.)
static int lend(thandle_t handle, void **bytes, toff_t *count) {
    const ImageCodec *codec = ((TiffRead *)handle)->codec;
    *bytes = (void *)codec->bytes;
    *count = codec->count;
    return 1;
}

static void take_back(thandle_t handle, void *bytes, toff_t count) { (void)handle, (void)bytes, (void)count; }

static toff_t size(thandle_t handle) { return ((TiffRead *)handle)->codec->count; }

// Before 4.5 libtiff's messages are the process's, not a file's: then they are dropped.
#if TIFFLIB_VERSION >= 20221213
static int note_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff, (void)module;
    TiffRead *read = user;
    if (!read->words[0]) vsnprintf(read->words, sizeof read->words, format, arguments);
    return 1;
}

static int count_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff, (void)module, (void)format, (void)arguments;
    ((TiffRead *)user)->codec->warnings += 1;
    return 1;
}

static TIFF *open_file(TiffRead *read) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, TIFF_MEMORY_LIMIT);
    TIFFOpenOptionsSetErrorHandlerExtR(options, note_error, read);
    TIFFOpenOptionsSetWarningHandlerExtR(options, count_warning, read);
    TIFF *tiff = TIFFClientOpenExt(
        "image", "r", read, feed, refuse_writing, seek, leave_open, size, lend, take_back, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}
#else
static TIFF *open_file(TiffRead *read) {
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
    return TIFFClientOpen("image", "r", read, feed, refuse_writing, seek, leave_open, size, lend, take_back);
}
#endif

static ImageCodecStatus fail(const TiffRead *read) {
    // libtiff has words for this, but no code.
    int is_short = read->ended || strncmp(read->words, "Read error", 10) == 0;
    if (is_short) return codec_fail(read->codec, IMAGE_CODEC_TRUNCATED, "the file ends before the image does");
    return codec_fail(read->codec, IMAGE_CODEC_CORRUPT, read->words[0] ? read->words : "the TIFF is damaged");
}

static ImageCodecStatus refuse_samples(ImageCodec *codec, int bits, int format) {
    char words[128];
    const char *kind = format == SAMPLEFORMAT_IEEEFP ? "floating-point " : "";
    snprintf(words, sizeof words, "its samples are %snumbers of %d bits", kind, bits);
    return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, words);
}

static ImageCodecStatus look(TiffRead *read, TIFF *tiff) {
    uint32_t width = 0, height = 0;
    uint16_t bits = 1, format = SAMPLEFORMAT_UINT;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
    ImageCodecStatus status = codec_set_size(read->codec, width, height);
    if (status != IMAGE_CODEC_OK) return status;
    if (bits > 16 || format == SAMPLEFORMAT_IEEEFP) return refuse_samples(read->codec, bits, format);
    char words[1024] = "";
    if (!TIFFRGBAImageOK(tiff, words)) return codec_fail(read->codec, IMAGE_CODEC_UNSUPPORTED, words);
    return IMAGE_CODEC_OK;
}

ImageCodecStatus tiff_open(ImageCodec *codec) {
    TiffRead read = {.codec = codec};
    TIFF *tiff = open_file(&read);
    if (!tiff) return fail(&read);
    ImageCodecStatus status = look(&read, tiff);
    TIFFClose(tiff);
    return status;
}

/// libtiff's pixels have been multiplied by their alpha; an extra sample that says not what it is counts for nothing, as in Pillow.
static void lay_over_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels, int has_alpha) {
    for (size_t i = 0; i < pixels; i++) {
        unsigned ground = has_alpha ? 255u - rgba[4 * i + 3] : 0;
        for (int c = 0; c < 3; c++) {
            unsigned sum = rgba[4 * i + c] + ground;
            rgb[3 * i + c] = (uint8_t)(sum < 255 ? sum : 255);
        }
    }
}

static int has_alpha(TIFF *tiff) {
    uint16_t count = 0, *kinds = NULL;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds);
    return count > 0 && kinds[0] != EXTRASAMPLE_UNSPECIFIED;
}

ImageCodecStatus tiff_decode(ImageCodec *codec, uint8_t *rgb) {
    TiffRead read = {.codec = codec};
    size_t pixels = (size_t)codec->width * codec->height;
    TIFF *tiff = open_file(&read);
    if (!tiff) return fail(&read);
    uint32_t *raster = malloc(pixels * sizeof *raster);
    ImageCodecStatus status = raster ? IMAGE_CODEC_OK : codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the image");
    TIFFRGBAImage image;
    char words[1024] = "";
    if (status == IMAGE_CODEC_OK && !TIFFRGBAImageBegin(&image, tiff, 1, words)) {
        status = codec_fail(codec, IMAGE_CODEC_CORRUPT, words);
    } else if (status == IMAGE_CODEC_OK) {
        image.req_orientation = image.orientation;  // rows as they are stored: turning is the caller's
        if (TIFFRGBAImageGet(&image, raster, codec->width, codec->height)) {
            lay_over_white((const uint8_t *)raster, rgb, pixels, has_alpha(tiff));
        } else {
            status = fail(&read);
        }
        TIFFRGBAImageEnd(&image);
    }
    free(raster);
    TIFFClose(tiff);
    return status;
}
