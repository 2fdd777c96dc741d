// Max pooling.

/// The part of a window that is inside.
typedef struct {
    size_t first, last;
} window_range;

GRAFT_INLINE window_range range_inside(size_t index, size_t stride, size_t pad, size_t kernel, size_t extent) {
    size_t start = index * stride, end = start + kernel;
    return (window_range){start > pad ? start - pad : 0, smaller(end > pad ? end - pad : 0, extent)};
}

/// Windows of K, whose size the compiler knows; of any size where K is 0.
GRAFT_INLINE void max_pool_rows(const graft_depthwise *s, const void *x, void *y, size_t first, size_t last, graft_format format, int K) {
    size_t channels = s->channels, row_step = s->in_width * channels;
    for (size_t row = first; row < last; row++) {
        size_t image = row / s->out_height * s->in_height * row_step;
        window_range down = range_inside(row % s->out_height, s->stride, s->pad_top, s->kernel, s->in_height);
        for (size_t column = 0; column < s->out_width; column++) {
            window_range across = range_inside(column, s->stride, s->pad_left, s->kernel, s->in_width);
            size_t height = down.last - down.first, width = across.last - across.first;
            size_t corner = image + down.first * row_step + across.first * channels, at = (row * s->out_width + column) * channels;
            int is_whole = K > 0 && height == (size_t)K && width == (size_t)K;
            for (size_t block = 0; block < block_count(channels); block++) {
                size_t channel = block_start(block, channels), from = corner + channel;
                graft_lanes most, v;
                graft_load(&most, x, from, format);
                if (is_whole) {
                    GRAFT_UNROLLED for (int i = 1; i < K * K; i++) {
                        graft_load(&v, x, from + (size_t)(i / K) * row_step + (size_t)(i % K) * channels, format);
                        most = v > most ? v : most;
                    }
                } else {
                    for (size_t j = 0; j < height; j++)
                        for (size_t i = 0; i < width; i++) {
                            graft_load(&v, x, from + j * row_step + i * channels, format);
                            most = v > most ? v : most;
                        }
                }
                graft_store(&most, y, at + channel, format);
            }
        }
    }
}

void GRAFT_AT(graft_max_pool)(const graft_depthwise *s, const void *x, void *y, size_t first, size_t last, graft_format format) {
    GRAFT_FOR_EACH_FORMAT(if (s->kernel == 3) max_pool_rows(s, x, y, first, last, F, 3);
                          else if (s->kernel == 2) max_pool_rows(s, x, y, first, last, F, 2);
                          else max_pool_rows(s, x, y, first, last, F, 0);)
}
