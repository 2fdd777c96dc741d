// Writing JPEGs, for benchmarks that bring their own photographs.
#include "include/Codec.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

typedef struct {
    struct jpeg_error_mgr errors;
    jmp_buf recovery;
    unsigned char *bytes;
    unsigned long count;
} Writing;

static void leave(j_common_ptr info) { longjmp(((Writing *)info->client_data)->recovery, 1); }

uint8_t *image_codec_write_jpeg(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, size_t *count) {
    struct jpeg_compress_struct info;
    Writing *writing = calloc(1, sizeof *writing);
    if (!writing) return NULL;
    info.err = jpeg_std_error(&writing->errors);
    writing->errors.error_exit = leave;
    info.client_data = writing;
    jpeg_create_compress(&info);
    info.client_data = writing;
    unsigned char *bytes = NULL;
    if (!setjmp(writing->recovery)) {
        jpeg_mem_dest(&info, &writing->bytes, &writing->count);
        info.image_width = width;
        info.image_height = height;
        info.input_components = 3;
        info.in_color_space = JCS_RGB;
        jpeg_set_defaults(&info);
        jpeg_set_quality(&info, quality, TRUE);
        jpeg_start_compress(&info, TRUE);
        while (info.next_scanline < height) {
            JSAMPROW row = (JSAMPROW)(rgb + (size_t)info.next_scanline * width * 3);
            jpeg_write_scanlines(&info, &row, 1);
        }
        jpeg_finish_compress(&info);
        bytes = writing->bytes;
        *count = writing->count;
    } else {
        free(writing->bytes);
    }
    jpeg_destroy_compress(&info);
    free(writing);
    return bytes;
}
