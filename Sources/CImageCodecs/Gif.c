// GIF through giflib: the first picture, laid on its canvas as Pillow does.
#include "Formats.h"

#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

typedef struct {
    ImageCodec *codec;
    size_t position;
    GifFileType *gif;
    int transparent;  // the index that stands for transparency; -1 for none
} GifRead;

static int feed(GifFileType *gif, GifByteType *target, int count) {
    GifRead *read = gif->UserData;
    size_t left = read->codec->count - read->position;
    size_t taken = (size_t)count < left ? (size_t)count : left;
    memcpy(target, read->codec->bytes + read->position, taken);
    read->position += taken;
    return (int)taken;
}

static ImageCodecStatus fail(ImageCodec *codec, int error) {
    switch (error) {
        case D_GIF_ERR_READ_FAILED: case D_GIF_ERR_EOF_TOO_SOON:
            return codec_fail(codec, IMAGE_CODEC_TRUNCATED, "the file ends before the image does");
        case D_GIF_ERR_NOT_ENOUGH_MEM: return codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the image");
        default: {
            const char *words = GifErrorString(error);
            return codec_fail(codec, IMAGE_CODEC_CORRUPT, words ? words : "the GIF is damaged");
        }
    }
}

/// Notes the transparent colour of a graphics control extension, and reads on behind any extension.
static int read_extension(GifRead *read) {
    int code;
    GifByteType *block;
    if (DGifGetExtension(read->gif, &code, &block) == GIF_ERROR) return GIF_ERROR;
    GraphicsControlBlock control;
    if (code == GRAPHICS_EXT_FUNC_CODE && block && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
        read->transparent = control.TransparentColor;
    }
    while (block) if (DGifGetExtensionNext(read->gif, &block) == GIF_ERROR) return GIF_ERROR;
    return GIF_OK;
}

/// Opens the file and reads on to the first picture's pixels.
static ImageCodecStatus begin(GifRead *read) {
    int error = D_GIF_SUCCEEDED;
    read->transparent = NO_TRANSPARENT_COLOR;
    read->gif = DGifOpen(read, feed, &error);
    if (!read->gif) return fail(read->codec, error);
    for (;;) {
        GifRecordType type;
        int result = DGifGetRecordType(read->gif, &type);
        if (result != GIF_ERROR && type == TERMINATE_RECORD_TYPE) {
            return codec_fail(read->codec, IMAGE_CODEC_CORRUPT, "the file holds no picture");
        }
        if (result != GIF_ERROR && type == EXTENSION_RECORD_TYPE) result = read_extension(read);
        if (result != GIF_ERROR && type == IMAGE_DESC_RECORD_TYPE) {
            if (DGifGetImageDesc(read->gif) != GIF_ERROR) return IMAGE_CODEC_OK;
            result = GIF_ERROR;
        }
        if (result == GIF_ERROR) return fail(read->codec, read->gif->Error);
    }
}

static uint64_t larger(int64_t a, int64_t b) { return (uint64_t)(a > b ? a : b); }

/// Asks for the size that a canvas needs which holds its first picture, too, however that lies.
ImageCodecStatus gif_open(ImageCodec *codec) {
    GifRead read = {.codec = codec};
    ImageCodecStatus status = begin(&read);
    if (status == IMAGE_CODEC_OK) {
        const GifFileType *gif = read.gif;
        status = codec_set_size(
            codec, larger(gif->SWidth, (int64_t)gif->Image.Left + gif->Image.Width),
            larger(gif->SHeight, (int64_t)gif->Image.Top + gif->Image.Height));
    }
    if (read.gif) DGifCloseFile(read.gif, NULL);
    return status;
}

/// 256 colours: the picture's own, the file's, or greys.
static void take_colours(const GifRead *read, uint8_t palette[256][3]) {
    const ColorMapObject *colours = read->gif->Image.ColorMap ? read->gif->Image.ColorMap : read->gif->SColorMap;
    for (int i = 0; i < 256; i++) {
        GifColorType colour = {(GifByteType)i, (GifByteType)i, (GifByteType)i};
        if (colours) colour = i < colours->ColorCount ? colours->Colors[i] : (GifColorType){0, 0, 0};
        if (i == read->transparent) colour = (GifColorType){255, 255, 255};
        palette[i][0] = colour.Red;
        palette[i][1] = colour.Green;
        palette[i][2] = colour.Blue;
    }
}

static ImageCodecStatus read_rows(GifRead *read, GifByteType *row, uint8_t *rgb) {
    static const int starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    const GifImageDesc *image = &read->gif->Image;
    size_t width = read->codec->width, pixels = width * read->codec->height;
    uint8_t palette[256][3];
    take_colours(read, palette);
    // What the picture leaves free is transparent, or of the first colour.
    const uint8_t *ground = palette[read->transparent >= 0 ? read->transparent : 0];
    for (size_t i = 0; i < pixels; i++) memcpy(rgb + 3 * i, ground, 3);
    for (int pass = 0; pass < (image->Interlace ? 4 : 1); pass++) {
        int step = image->Interlace ? steps[pass] : 1;
        for (int y = image->Interlace ? starts[pass] : 0; y < image->Height; y += step) {
            if (DGifGetLine(read->gif, row, image->Width) == GIF_ERROR) return fail(read->codec, read->gif->Error);
            uint8_t *target = rgb + 3 * ((size_t)(image->Top + y) * width + (size_t)image->Left);
            for (int x = 0; x < image->Width; x++) memcpy(target + 3 * x, palette[row[x]], 3);
        }
    }
    return IMAGE_CODEC_OK;
}

ImageCodecStatus gif_decode(ImageCodec *codec, uint8_t *rgb) {
    GifRead read = {.codec = codec};
    ImageCodecStatus status = begin(&read);
    if (status == IMAGE_CODEC_OK) {
        GifByteType *row = malloc((size_t)read.gif->Image.Width + 1);
        status = row ? read_rows(&read, row, rgb) : codec_fail(codec, IMAGE_CODEC_OUT_OF_MEMORY, "no memory for the image");
        free(row);
    }
    if (read.gif) DGifCloseFile(read.gif, NULL);
    return status;
}
