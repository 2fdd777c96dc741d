// Max pooling.

/// The part of a window that is inside.
typedef struct {
    size_t first, last;
} window_range;

GRAFT_INLINE window_range range_inside(size_t index, size_t stride, size_t pad, size_t kernel, size_t extent) {
    size_t start = index * stride, end = start + kernel;
    return (window_range){start > pad ? start - pad : 0, smaller(end > pad ? end - pad : 0, extent)};
}

/// Takes over what is larger, and the place where that is.
GRAFT_INLINE void take_larger(graft_lanes *most, graft_lane_bits *place, const void *x, size_t at, int here, int notes, graft_format format) {
    graft_lanes v;
    graft_load(&v, x, at, format);
    if (notes) *place = v > *most ? (graft_lane_bits)here : *place;
    *most = v > *most ? v : *most;
}

/// Windows of K, whose size the compiler knows; of any size where K is 0.
GRAFT_INLINE void max_pool_rows(const graft_depthwise *s, const void *x, void *y, uint8_t *places, size_t first, size_t last,
                                graft_format format, int K, int notes) {
    size_t channels = s->channels, row_step = s->in_width * channels, kernel = s->kernel;
    for (size_t row = first; row < last; row++) {
        size_t image = row / s->out_height * s->in_height * row_step, out_row = row % s->out_height;
        window_range down = range_inside(out_row, s->stride, s->pad_top, kernel, s->in_height);
        for (size_t column = 0; column < s->out_width; column++) {
            window_range across = range_inside(column, s->stride, s->pad_left, kernel, s->in_width);
            size_t height = down.last - down.first, width = across.last - across.first;
            size_t corner = image + down.first * row_step + across.first * channels, to = (row * s->out_width + column) * channels;
            size_t corner_place = (down.first + s->pad_top - out_row * s->stride) * kernel + across.first + s->pad_left - column * s->stride;
            int is_whole = K > 0 && height == (size_t)K && width == (size_t)K;
            for (size_t block = 0; block < block_count(channels); block++) {
                size_t channel = block_start(block, channels), from = corner + channel;
                graft_lanes most;
                graft_lane_bits place = (int)corner_place;
                graft_load(&most, x, from, format);
                if (is_whole) {
                    GRAFT_UNROLLED for (int i = 1; i < K * K; i++)
                        take_larger(&most, &place, x, from + (size_t)(i / K) * row_step + (size_t)(i % K) * channels, i, notes, format);
                } else {
                    for (size_t j = 0; j < height; j++)
                        for (size_t i = 0; i < width; i++)
                            take_larger(&most, &place, x, from + j * row_step + i * channels, (int)(corner_place + j * kernel + i), notes,
                                        format);
                }
                graft_store(&most, y, to + channel, format);
                if (notes) *(graft_loose_byte_lanes *)(places + to + channel) = __builtin_convertvector(place, graft_byte_lanes);
            }
        }
    }
}

void GRAFT_AT(graft_max_pool)(const graft_depthwise *s, const void *x, void *y, uint8_t *places, size_t first, size_t last,
                              graft_format format) {
    GRAFT_FOR_EACH_FORMAT(if (places) max_pool_rows(s, x, y, places, first, last, F, 0, 1);
                          else if (s->kernel == 3) max_pool_rows(s, x, y, places, first, last, F, 3, 0);
                          else if (s->kernel == 2) max_pool_rows(s, x, y, places, first, last, F, 2, 0);
                          else max_pool_rows(s, x, y, places, first, last, F, 0, 0);)
}

/// Outputs whose windows hold input `index`.
GRAFT_INLINE window_range windows_over(size_t index, size_t stride, size_t pad, size_t kernel, size_t outputs) {
    size_t at = index + pad;
    return (window_range){at >= kernel ? (at - kernel) / stride + 1 : 0, smaller(at / stride + 1, outputs)};
}

GRAFT_INLINE void max_pool_gradient_rows(const graft_depthwise *s, const void *dy, const uint8_t *places, void *dx, size_t first,
                                         size_t last, graft_format format) {
    size_t channels = s->channels, kernel = s->kernel;
    for (size_t row = first; row < last; row++) {
        size_t image = row / s->in_height, in_row = row % s->in_height;
        window_range down = windows_over(in_row, s->stride, s->pad_top, kernel, s->out_height);
        for (size_t column = 0; column < s->in_width; column++) {
            window_range across = windows_over(column, s->stride, s->pad_left, kernel, s->out_width);
            for (size_t block = 0; block < block_count(channels); block++) {
                size_t channel = block_start(block, channels);
                graft_lanes sum = 0, zero = 0, v;
                for (size_t j = down.first; j < down.last; j++) {
                    for (size_t i = across.first; i < across.last; i++) {
                        size_t from = ((image * s->out_height + j) * s->out_width + i) * channels + channel;
                        size_t here = (in_row + s->pad_top - j * s->stride) * kernel + column + s->pad_left - i * s->stride;
                        graft_lane_bits place = __builtin_convertvector(*(const graft_loose_byte_lanes *)(places + from), graft_lane_bits);
                        graft_load(&v, dy, from, format);
                        sum += place == (graft_lane_bits)(int)here ? v : zero;
                    }
                }
                graft_store(&sum, dx, (row * s->in_width + column) * channels + channel, format);
            }
        }
    }
}

void GRAFT_AT(graft_max_pool_gradient)(const graft_depthwise *s, const void *dy, const uint8_t *places, void *dx, size_t first, size_t last,
                                       graft_format format) {
    GRAFT_FOR_EACH_FORMAT(max_pool_gradient_rows(s, dy, places, dx, first, last, F);)
}
