// PNG through libpng: every colour type and depth, interlaced or not. 16 bits are scaled to 8.
#include "Formats.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

typedef struct {
    ImageCodec *codec;
    size_t position;
    png_structp png;
    png_infop info;
    uint8_t *scratch;
    png_bytep *rows;
} PngRead;

static void refuse(png_structp png, png_const_charp words) {
    PngRead *read = png_get_error_ptr(png);
    if (read->codec->status == IMAGE_CODEC_OK) codec_fail(read->codec, IMAGE_CODEC_CORRUPT, words);
    png_longjmp(png, 1);
}

static void count_warning(png_structp png, png_const_charp words) {
    (void)words;
    ((PngRead *)png_get_error_ptr(png))->codec->warnings += 1;
}

static void feed(png_structp png, png_bytep target, size_t count) {
    PngRead *read = png_get_io_ptr(png);
    if (count > read->codec->count - read->position) {
        codec_fail(read->codec, IMAGE_CODEC_TRUNCATED, "the file ends before the image does");
        png_error(png, "truncated");
    }
    memcpy(target, read->codec->bytes + read->position, count);
    read->position += count;
}

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/// The size stands at a fixed place: signature, chunk length, "IHDR", width, height.
ImageCodecStatus png_open(ImageCodec *codec) {
    if (codec->count < 33) return codec_fail(codec, IMAGE_CODEC_TRUNCATED, "the file ends within its header");
    if (memcmp(codec->bytes + 12, "IHDR", 4) != 0) return codec_fail(codec, IMAGE_CODEC_CORRUPT, "the header is missing");
    return codec_set_size(codec, big_endian(codec->bytes + 16), big_endian(codec->bytes + 20));
}

static void ask_for_8_bit_rgb(PngRead *read) {
    png_set_expand(read->png);  // palettes to RGB, 1 to 4 bits to 8, a transparent colour to alpha
    if (png_get_bit_depth(read->png, read->info) == 16) png_set_scale_16(read->png);
    int type = png_get_color_type(read->png, read->info);
    if (type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(read->png);
    png_set_interlace_handling(read->png);
    png_read_update_info(read->png, read->info);
}

static void *reserve(PngRead *read, size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) {
        codec_fail(read->codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the image");
        png_error(read->png, "memory");
    }
    return memory;
}

static void read_rows(PngRead *read, uint8_t *rgb) {
    size_t width = read->codec->width, height = read->codec->height;
    size_t channels = png_get_channels(read->png, read->info);
    if (png_get_rowbytes(read->png, read->info) != width * channels || (channels != 3 && channels != 4)) {
        png_error(read->png, "the rows do not have the size that the header promises");
    }
    int interlaced = png_get_interlace_type(read->png, read->info) != PNG_INTERLACE_NONE;
    if (channels == 4 && !interlaced) {
        read->scratch = reserve(read, 4 * width);
        for (size_t y = 0; y < height; y++) {
            png_read_row(read->png, read->scratch, NULL);
            codec_over_white(read->scratch, rgb + 3 * width * y, width);
        }
        return;
    }
    if (channels == 4) read->scratch = reserve(read, 4 * width * height);
    uint8_t *target = channels == 4 ? read->scratch : rgb;
    read->rows = reserve(read, height * sizeof *read->rows);
    for (size_t y = 0; y < height; y++) read->rows[y] = target + channels * width * y;
    png_read_image(read->png, read->rows);
    if (channels == 4) codec_over_white(read->scratch, rgb, width * height);
}

ImageCodecStatus png_decode(ImageCodec *codec, uint8_t *rgb) {
    // In memory of its own: locals changed between setjmp and longjmp would be undefined.
    PngRead *read = calloc(1, sizeof *read);
    if (!read) return codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the image");
    read->codec = codec;
    read->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, read, refuse, count_warning);
    if (!read->png) {
        free(read);
        return codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the decoder");
    }
    if (!setjmp(png_jmpbuf(read->png))) {
        read->info = png_create_info_struct(read->png);
        if (!read->info) png_error(read->png, "no memory for the decoder");
        png_set_user_limits(read->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // codec_set_size has set the limit
        png_set_read_fn(read->png, read, feed);
        png_read_info(read->png, read->info);
        ask_for_8_bit_rgb(read);
        read_rows(read, rgb);
    }
    free(read->scratch);
    free(read->rows);
    png_destroy_read_struct(&read->png, &read->info, NULL);
    free(read);
    return codec->status;
}

size_t image_codec_inflate(const uint8_t *bytes, size_t count, uint8_t *target, size_t capacity) {
    uLongf size = capacity;
    return uncompress(target, &size, bytes, count) == Z_OK ? size : 0;
}
