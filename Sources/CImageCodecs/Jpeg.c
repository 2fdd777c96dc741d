// JPEG through libjpeg(-turbo): grey, YCbCr, RGB, CMYK and YCCK, baseline and progressive. The integer ("slow") DCT and smooth
// chroma upsampling, the library's defaults, give the same bits as Pillow.
#include "Formats.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/// Memory that libjpeg may take for one image: a progressive CMYK file at the pixel limit of the callers needs 1.4 GB.
#define JPEG_MEMORY_LIMIT (2L << 30)
/// Scans a progressive JPEG may have. Real files have about ten; thousands in a tiny file are an attack on the reader's time.
#define JPEG_SCAN_LIMIT 500

struct JpegState {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf recovery;
    ImageCodec *codec;
};

static JpegState *state_of(j_common_ptr info) { return (JpegState *)info->client_data; }

/// Never returns: libjpeg's own would end the process.
static void leave(j_common_ptr info) {
    JpegState *state = state_of(info);
    if (state->codec && state->codec->status == IMAGE_CODEC_OK) {
        char text[JMSG_LENGTH_MAX];
        info->err->format_message(info, text);
        ImageCodecStatus status;
        switch (info->err->msg_code) {
            case JERR_OUT_OF_MEMORY: status = IMAGE_CODEC_OUT_OF_MEMORY; break;
            // 12 bits a sample, lossless and hierarchical files are whole, and of kinds that libjpeg leaves out.
            case JERR_BAD_PRECISION: case JERR_SOF_UNSUPPORTED: status = IMAGE_CODEC_UNSUPPORTED; break;
            default: status = IMAGE_CODEC_CORRUPT;
        }
        codec_fail(state->codec, status, text);
    }
    longjmp(state->recovery, 1);
}

static void count_warning(j_common_ptr info, int level) {
    ImageCodec *codec = state_of(info)->codec;
    if (level >= 0 || !codec) return;
    codec->warnings += 1;
    // Bytes between two segments are what some cameras leave; all else that libjpeg warns of changes pixels.
    if (info->err->msg_code == JWRN_EXTRANEOUS_DATA) return;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    codec_note_damage(codec, text);
}

static void stay_silent(j_common_ptr info) { (void)info; }

static void refuse_endless_scans(j_common_ptr info) {
    if (!info->is_decompressor || ((j_decompress_ptr)info)->input_scan_number <= JPEG_SCAN_LIMIT) return;
    codec_fail(state_of(info)->codec, IMAGE_CODEC_CORRUPT, "the file has an absurd number of scans");
    longjmp(state_of(info)->recovery, 1);
}

static void source_nothing(j_decompress_ptr info) { (void)info; }

/// libjpeg's own source feigns an end marker and paints the rest grey; a picture cut short must not be trained on.
static boolean source_ended(j_decompress_ptr info) {
    codec_fail(state_of((j_common_ptr)info)->codec, IMAGE_CODEC_TRUNCATED, "the file ends before the image does");
    longjmp(state_of((j_common_ptr)info)->recovery, 1);
}

static void source_skip(j_decompress_ptr info, long count) {
    if (count <= 0) return;
    if ((size_t)count > info->src->bytes_in_buffer) source_ended(info);
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

JpegState *jpeg_state_create(void) {
    JpegState *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    state->info.err = jpeg_std_error(&state->errors);
    state->errors.error_exit = leave;
    state->errors.emit_message = count_warning;
    state->errors.output_message = stay_silent;
    state->info.client_data = state;
    if (setjmp(state->recovery)) {
        jpeg_destroy_decompress(&state->info);
        free(state);
        return NULL;
    }
    jpeg_create_decompress(&state->info);
    state->info.client_data = state;
    state->info.mem->max_memory_to_use = JPEG_MEMORY_LIMIT;
    state->source = (struct jpeg_source_mgr){
        .init_source = source_nothing, .fill_input_buffer = source_ended, .skip_input_data = source_skip,
        .resync_to_restart = jpeg_resync_to_restart, .term_source = source_nothing};
    state->info.src = &state->source;
    state->progress.progress_monitor = refuse_endless_scans;
    state->info.progress = &state->progress;
    return state;
}

void jpeg_state_destroy(JpegState *state) {
    if (!state) return;
    state->codec = NULL;
    if (!setjmp(state->recovery)) jpeg_destroy_decompress(&state->info);
    free(state);
}

ImageCodecStatus jpeg_open(ImageCodec *codec) {
    JpegState *state = codec->jpeg;
    j_decompress_ptr info = &state->info;
    state->codec = codec;
    if (setjmp(state->recovery)) return codec->status;
    jpeg_abort_decompress(info);
    state->source.next_input_byte = codec->bytes;
    state->source.bytes_in_buffer = codec->count;
    jpeg_read_header(info, TRUE);
    ImageCodecStatus status = codec_set_size(codec, info->image_width, info->image_height);
    if (status != IMAGE_CODEC_OK) return status;
    switch (info->jpeg_color_space) {
        case JCS_GRAYSCALE: case JCS_YCbCr: case JCS_RGB: info->out_color_space = JCS_RGB; break;
        case JCS_CMYK: case JCS_YCCK: info->out_color_space = JCS_CMYK; break;
        default: return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "its colour space is unknown");
    }
    return jpeg_scale(codec, 1);
}

ImageCodecStatus jpeg_scale(ImageCodec *codec, int divisor) {
    JpegState *state = codec->jpeg;
    if (setjmp(state->recovery)) return codec->status;
    state->info.scale_num = 1;
    state->info.scale_denom = (unsigned)divisor;
    jpeg_calc_output_dimensions(&state->info);
    return codec_set_size(codec, state->info.output_width, state->info.output_height);
}

enum { SMOOTHING_REACH = 4 };  // pixels; upsampled chroma depends on its neighbours, which a cropped row or column lacks

/// From a multiple of `block` on, and with what smoothing reaches; within `length`.
static void widen(uint32_t *start, uint32_t *count, uint32_t block, uint32_t length) {
    uint32_t end = *start + *count + SMOOTHING_REACH;
    uint32_t first = *start > SMOOTHING_REACH ? *start - SMOOTHING_REACH : 0;
    *start = first / block * block;
    *count = (end < length ? end : length) - *start;
}

ImageCodecPart jpeg_part(const ImageCodec *codec, ImageCodecPart part) {
    const struct jpeg_decompress_struct *info = &codec->jpeg->info;
    widen(&part.left, &part.width, (uint32_t)(info->max_h_samp_factor * info->min_DCT_scaled_size), codec->width);
    widen(&part.top, &part.height, (uint32_t)(info->max_v_samp_factor * info->min_DCT_scaled_size), codec->height);
    return part;
}

/// CMYK as Adobe writes it, inverted, which is what nearly all such files are and what Pillow takes all of them for.
static void rgb_from_inverted_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) {
        unsigned light = cmyk[4 * i + 3];
        for (int c = 0; c < 3; c++) {
            unsigned ink = (255u - cmyk[4 * i + c]) * light + 128;
            rgb[3 * i + c] = (uint8_t)(light - ((ink + (ink >> 8)) >> 8));
        }
    }
}

/// Reads rows up to `end` from the present one on, which goes to `rgb`.
static void read_rows(j_decompress_ptr info, JDIMENSION end, uint8_t *rgb) {
    size_t width = info->output_width;
    JDIMENSION first = info->output_scanline;
    if (info->out_color_space == JCS_CMYK) {
        JSAMPARRAY row = info->mem->alloc_sarray((j_common_ptr)info, JPOOL_IMAGE, (JDIMENSION)(4 * width), 1);
        while (info->output_scanline < end) {
            uint8_t *target = rgb + (size_t)(info->output_scanline - first) * width * 3;
            jpeg_read_scanlines(info, row, 1);
            rgb_from_inverted_cmyk(row[0], target, width);
        }
        return;
    }
    while (info->output_scanline < end) {
        JSAMPROW rows[8];
        for (int i = 0; i < 8; i++) rows[i] = rgb + ((size_t)(info->output_scanline - first) + (size_t)i) * width * 3;
        JDIMENSION left = end - info->output_scanline;
        jpeg_read_scanlines(info, rows, left < 8 ? left : 8);
    }
}

enum { LOW_FREQUENCIES = 10 };  // those that libjpeg-turbo would guess, in the order of the scans

/// Whether a progressive file ended before its scans had told all of the coefficients that matter most.
static int lacks_scans(j_decompress_ptr info) {
    if (!info->progressive_mode || !info->coef_bits) return 0;
    for (int component = 0; component < info->num_components; component++) {
        for (int k = 0; k < LOW_FREQUENCIES; k++) if (info->coef_bits[component][k] != 0) return 1;
    }
    return 0;
}

/// Whether the end marker stands in what was not read yet. In compressed data 0xFF is always followed by something else.
static int has_end_marker(const struct jpeg_source_mgr *source) {
    const uint8_t *at = source->next_input_byte, *end = at + source->bytes_in_buffer;
    while (at < end && (at = memchr(at, 0xFF, (size_t)(end - at)))) {
        while (at < end && *at == 0xFF) at++;
        if (at < end && *at == JPEG_EOI) return 1;
    }
    return 0;
}

ImageCodecStatus jpeg_decode(ImageCodec *codec, uint8_t *rgb, int stops_early) {
    JpegState *state = codec->jpeg;
    j_decompress_ptr info = &state->info;
    const ImageCodecPart part = codec->part;
    if (setjmp(state->recovery)) return codec->status;
    // Where scans are missing, libjpeg guesses from the blocks around, differently in every version and without those that a part
    // leaves out: then a photograph's pixels would depend on its crop.
    info->do_block_smoothing = FALSE;
    jpeg_start_decompress(info);
    if (lacks_scans(info)) codec_note_damage(codec, "some of the scans of its progressive image are missing");
    if (part.width < info->output_width) {
        JDIMENSION left = part.left, width = part.width;
        jpeg_crop_scanline(info, &left, &width);
        if (left != part.left || width != part.width) {
            return codec_fail(codec, IMAGE_CODEC_UNSUPPORTED, "libjpeg decodes another part than it was asked for");
        }
    }
    if (part.top > 0) jpeg_skip_scanlines(info, part.top);
    JDIMENSION end = part.top + part.height;
    read_rows(info, end, rgb);
    if (end < info->output_height && stops_early) {
        // Several scans were read to the end before the first row; skipping what is left tells libjpeg that all is done.
        int ended = jpeg_input_complete(info) || info->unread_marker == JPEG_EOI || has_end_marker(info->src);
        if (!ended) source_ended(info);
        jpeg_skip_scanlines(info, info->output_height - end);
    } else if (end < info->output_height) {
        // Skipping the last row would end the reading there and then.
        JSAMPARRAY row = info->mem->alloc_sarray(
            (j_common_ptr)info, JPOOL_IMAGE, info->output_width * (JDIMENSION)info->output_components, 1);
        if (end + 1 < info->output_height) jpeg_skip_scanlines(info, info->output_height - 1 - end);
        jpeg_read_scanlines(info, row, 1);
    }
    jpeg_finish_decompress(info);  // reads to the end marker, so that a file without one counts as cut short
    return codec->status;
}
