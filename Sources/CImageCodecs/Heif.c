// HEIC and AVIF through libheif, which turns pictures as the file says. Without its header this file says so and reads none.
#include "Formats.h"

#if defined(HAS_LIBHEIF)
#include <stdlib.h>
#include <string.h>

#include <libheif/heif.h>

/// The longest side of what libheif decodes: files may say another size than their pictures have.
enum { HEIF_SIDE_LIMIT = 16384 };

struct HeifState {
    struct heif_context *context;
    struct heif_image_handle *handle;
};

static ImageCodecStatus fail(ImageCodec *codec, struct heif_error error) {
    ImageCodecStatus status = IMAGE_CODEC_CORRUPT;
    if (error.subcode == heif_suberror_End_of_data) status = IMAGE_CODEC_TRUNCATED;
    if (error.code == heif_error_Memory_allocation_error) status = IMAGE_CODEC_OUT_OF_MEMORY;
    if (error.code == heif_error_Unsupported_feature || error.code == heif_error_Unsupported_filetype) {
        status = IMAGE_CODEC_UNSUPPORTED;
    }
    return codec_fail(codec, status, error.message && error.message[0] ? error.message : "the file is damaged");
}

void heif_close(ImageCodec *codec) {
    if (!codec->heif) return;
    heif_image_handle_release(codec->heif->handle);
    heif_context_free(codec->heif->context);
    free(codec->heif);
    codec->heif = NULL;
}

ImageCodecStatus heif_open(ImageCodec *codec) {
    HeifState *state = codec->heif = calloc(1, sizeof *state);
    if (state) state->context = heif_context_alloc();
    if (!state || !state->context) return codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the decoder");
    heif_context_set_maximum_image_size_limit(state->context, HEIF_SIDE_LIMIT);
    heif_context_set_max_decoding_threads(state->context, 1);  // the loader has threads of its own
    struct heif_error error = heif_context_read_from_memory_without_copy(state->context, codec->bytes, codec->count, NULL);
    if (error.code != heif_error_Ok) return fail(codec, error);
    error = heif_context_get_primary_image_handle(state->context, &state->handle);
    if (error.code != heif_error_Ok) return fail(codec, error);
    return codec_set_size(
        codec, (uint64_t)heif_image_handle_get_width(state->handle), (uint64_t)heif_image_handle_get_height(state->handle));
}

ImageCodecStatus heif_decode(ImageCodec *codec, uint8_t *rgb) {
    struct heif_image_handle *handle = codec->heif->handle;
    int channels = heif_image_handle_has_alpha_channel(handle) ? 4 : 3;
    struct heif_image *image = NULL;
    struct heif_error error = heif_decode_image(
        handle, &image, heif_colorspace_RGB, channels == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, NULL);
    if (error.code != heif_error_Ok) return fail(codec, error);
    int stride = 0;
    const uint8_t *rows = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    size_t width = codec->width;
    ImageCodecStatus status = IMAGE_CODEC_OK;
    if (!rows || heif_image_get_width(image, heif_channel_interleaved) != (int)codec->width ||
        heif_image_get_height(image, heif_channel_interleaved) != (int)codec->height) {
        status = codec_fail(codec, IMAGE_CODEC_CORRUPT, "the picture does not have the size that the file promises");
    } else {
        for (uint32_t y = 0; y < codec->height; y++) {
            const uint8_t *row = rows + (size_t)y * (size_t)stride;
            if (channels == 4) codec_over_white(row, rgb + 3 * width * y, width);
            else memcpy(rgb + 3 * width * y, row, 3 * width);
        }
    }
    heif_image_release(image);
    return status;
}
#else
void heif_close(ImageCodec *codec) { (void)codec; }

ImageCodecStatus heif_open(ImageCodec *codec) {
    return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "this program was built without libheif");
}

ImageCodecStatus heif_decode(ImageCodec *codec, uint8_t *rgb) {
    (void)rgb;
    return heif_open(codec);
}
#endif
