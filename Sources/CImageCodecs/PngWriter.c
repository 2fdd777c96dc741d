// Writing PNGs, for pictures that the program makes itself.
#include "include/Codec.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

uint8_t *image_codec_write_png(const uint8_t *rgb, uint32_t width, uint32_t height, size_t *count) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t bytes = 0;
    uint8_t *target = NULL;
    // Once for the size, once for the bytes: libpng's simplified interface recovers by itself.
    if (png_image_write_to_memory(&image, NULL, &bytes, 0, rgb, 0, NULL)) target = malloc(bytes);
    if (target && !png_image_write_to_memory(&image, target, &bytes, 0, rgb, 0, NULL)) {
        free(target);
        target = NULL;
    }
    png_image_free(&image);
    *count = target ? bytes : 0;
    return target;
}
