// Convolutions by packed weights. Sums of a few pixels are made in registers, and what stands behind them is done there after the window's last
// place: so rows and channels beyond the last are simply not taken over, and a residual may lie where the result goes.

// Few rows, since those of 1,024 channels stand in one place of a first-level cache of eight ways, and as many blocks as registers allow.
#if GRAFT_REGISTER_BITS == 512
enum { pixels_together = 6, blocks_together = 4, inputs_at_once = INT32_MAX };
#elif GRAFT_REGISTER_BITS == 256
enum { pixels_together = 6, blocks_together = 1, inputs_at_once = 256 };
#else
enum { pixels_together = 3, blocks_together = 1, inputs_at_once = 256 };
#endif
// Sources that many rows take together stay in the second-level cache while all weights pass, and a block's weights there while the rows do:
// where they are few at once, in the first-level cache, with sums that are added to. A window's row has so many numbers at once.
enum { source_bytes_at_once = 192 << 10, rows_with_sums = 192, window_inputs_at_once = 256 };

GRAFT_INLINE size_t window_places(const graft_lane_shape *s) { return s->kernel_height * s->kernel_width; }

size_t GRAFT_AT(graft_lane_packed_count)(const graft_lane_shape *s) {
    return block_count(s->outputs) * window_places(s) * s->inputs * lanes;
}

void GRAFT_AT(graft_lane_pack)(const graft_lane_shape *s, const float *weights, const float *scale, size_t first, size_t last,
                               float *packed) {
    size_t places = window_places(s);
    for (size_t block = first; block < last; block++) {
        size_t start = block * lanes, there = smaller(lanes, s->outputs - start);
        for (size_t place = 0; place < places; place++) {
            for (size_t in = 0; in < s->inputs; in += lanes) {
                size_t depth = smaller(lanes, s->inputs - in);
                float piece[lanes][lanes] = {0};
                for (size_t row = 0; row < there; row++) {
                    const float *from = weights + ((start + row) * s->inputs + in) * places + place;
                    float factor = scale ? scale[start + row] : 1;
                    for (size_t k = 0; k < depth; k++) piece[row][k] = from[k * places] * factor;
                }
                float *to = packed + ((block * places + place) * s->inputs + in) * lanes;
                for (size_t k = 0; k < depth; k++)
                    for (size_t row = 0; row < lanes; row++) to[k * lanes + row] = piece[row][k];
            }
        }
    }
}

void GRAFT_AT(graft_lane_pack_turned)(const graft_lane_shape *s, const float *weights, const float *scale, size_t first, size_t last,
                                      float *packed) {
    for (size_t block = first; block < last; block++) {
        size_t start = block * lanes, there = smaller(lanes, s->outputs - start);
        for (size_t in = 0; in < s->inputs; in++) {
            const float *from = weights + in * s->outputs + start;
            float *to = packed + (block * s->inputs + in) * lanes, factor = scale ? scale[in] : 1;
            for (size_t k = 0; k < there; k++) to[k] = from[k] * factor;
            for (size_t k = there; k < lanes; k++) to[k] = 0;
        }
    }
}

/// Where the results of some pixels go, and what is added to their sums; `ends` says that no input channels are left for another part.
typedef struct {
    float *y;
    const float *bias, *residual;
    size_t outputs;
    int ends;
} pixel_rows;

/// Where the window of a pixel of the result begins in the source: it may begin and end outside, where zeros count.
typedef struct {
    const float *source;
    ptrdiff_t row, column;
    int is_inside;
} window_corner;

/// Part of the windows of some pixels: channels from `input` on of the window's rows first ..< last. A row's pixels, and their channels,
/// follow each other in the source.
typedef struct {
    const graft_lane_shape *shape;
    const window_corner *corners;
    size_t first, last, input;
    /// Room for a few pixels' numbers, where some of them are outside.
    float (*patches)[window_inputs_at_once];
} window_part;

GRAFT_INLINE window_corner corner_of(const graft_lane_shape *s, const float *x, size_t pixel) {
    size_t across = pixel % s->out_width, down = pixel / s->out_width % s->out_height, image = pixel / s->out_width / s->out_height;
    ptrdiff_t row = (ptrdiff_t)(down * s->stride) - (ptrdiff_t)s->pad_top, column = (ptrdiff_t)(across * s->stride) - (ptrdiff_t)s->pad_left;
    int inside = row >= 0 && column >= 0 && (size_t)row + s->kernel_height <= s->in_height
                 && (size_t)column + s->kernel_width <= s->in_width;
    ptrdiff_t place = ((ptrdiff_t)(image * s->in_height) + row) * (ptrdiff_t)s->in_width + column;
    return (window_corner){x + place * (ptrdiff_t)s->inputs, row, column, inside};
}

/// The numbers of a row of a window that reaches outside.
GRAFT_INLINE const float *patched_row(float *patch, const graft_lane_shape *s, const window_corner *corner, const float *source, size_t down,
                                      size_t input, size_t depth) {
    ptrdiff_t start = corner->column * (ptrdiff_t)s->inputs + (ptrdiff_t)input, left = (ptrdiff_t)(s->in_width * s->inputs) - start;
    ptrdiff_t from = start < 0 ? -start : 0, to = left < (ptrdiff_t)depth ? left : (ptrdiff_t)depth;
    memset(patch, 0, depth * sizeof(float));
    if ((size_t)(corner->row + (ptrdiff_t)down) < s->in_height && from < to)
        memcpy(patch + from, source + from, (size_t)(to - from) * sizeof(float));
    return patch;
}

/// Adds what a part of their windows brings to the sums of R pixels from `row` on, of which `rows` are there.
GRAFT_INLINE void add_windows(graft_lanes sums[][most_blocks], const product_part *product, const window_part *w, size_t row, size_t rows,
                              int R, int B) {
    const graft_lane_shape *s = w->shape;
    product_part p = *product;
    size_t width = s->in_width * s->inputs;
    for (size_t down = w->first; down < w->last; down++) {
        const float *sources[most_rows];
        GRAFT_UNROLLED for (int r = 0; r < R; r++) {
            const window_corner *corner = w->corners + row + smaller((size_t)r, rows - 1);
            sources[r] = corner->source + down * width + w->input;
            if (!corner->is_inside) sources[r] = patched_row(w->patches[r], s, corner, sources[r], down, w->input, p.depth);
        }
        add_rows(sums, sources, &p, R, B);
        p.weights += s->kernel_width * s->inputs * lanes;
    }
}

/// What goes to y of the sums of `rows` pixels in the last channels, fewer than a block.
GRAFT_INLINE void finish_last_channels(const graft_lanes *sums, const pixel_rows *to, size_t row, size_t rows, size_t column,
                                       graft_loop_activation kind) {
    size_t there = to->outputs - column, size = there * sizeof(float);
    for (size_t r = 0; r < rows; r++) {
        size_t at = (row + r) * to->outputs + column;
        graft_lanes v = sums[r], other = 0;
        if (to->bias) {
            memcpy(&other, to->bias + column, size);
            v += other;
        }
        if (to->residual) {
            memcpy(&other, to->residual + at, size);
            v += other;
        }
        graft_lanes_activate(&v, kind);
        memcpy(to->y + at, &v, size);
    }
}

/// The activation of vectors, of `rows` pixels by B blocks. Two at once, since each is a long chain of operations.
GRAFT_INLINE void activate_rows(const graft_lanes *held, float *y, size_t rows, size_t outputs, graft_loop_activation kind, int B) {
    size_t count = rows * (size_t)B;
    for (size_t i = 0; i < count; i += 2) {
        graft_lanes v = held[i], w = held[i + 1];
        graft_lanes_activate(&v, kind);
        graft_lanes_activate(&w, kind);
        graft_store(&v, y, i / (size_t)B * outputs + i % (size_t)B * lanes, graft_full);
        if (i + 1 < count) graft_store(&w, y, (i + 1) / (size_t)B * outputs + (i + 1) % (size_t)B * lanes, graft_full);
    }
}

/// What goes to y of sums in registers, of R pixels, of which `rows` are there, by B whole blocks from `column` on.
GRAFT_INLINE void finish_rows(graft_lanes sums[][most_blocks], const pixel_rows *to, size_t row, size_t rows, size_t column,
                              graft_loop_activation kind, int R, int B) {
    size_t corner = row * to->outputs + column;
    graft_lanes zero = 0, held[pixels_together * most_blocks];
    GRAFT_UNROLLED for (int b = 0; b < B; b++) {
        graft_lanes shift = 0, other;
        if (to->bias) graft_load(&shift, to->bias + column, (size_t)b * lanes, graft_full);
        GRAFT_UNROLLED for (int r = 0; r < R; r++) {
            if (to->bias) sums[r][b] += shift;
            if (to->residual && (size_t)r < rows) {
                graft_load(&other, to->residual + corner, (size_t)r * to->outputs + (size_t)b * lanes, graft_full);
                sums[r][b] += other;
            }
            if (kind == graft_loop_relu) sums[r][b] = sums[r][b] > zero ? sums[r][b] : zero;
        }
    }
    float *y = to->y + corner;
    if (kind == graft_loop_identity || kind == graft_loop_relu) {
        GRAFT_UNROLLED for (int r = 0; r < R; r++)
            GRAFT_UNROLLED for (int b = 0; b < B; b++)
                if ((size_t)r < rows) graft_store(&sums[r][b], y, (size_t)r * to->outputs + (size_t)b * lanes, graft_full);
        return;
    }
    GRAFT_UNROLLED for (int r = 0; r < R; r++)
        GRAFT_UNROLLED for (int b = 0; b < B; b++) held[r * B + b] = sums[r][b];
    GRAFT_FOR_EACH_KIND(activate_rows(held, y, rows, to->outputs, K, B);)
}

/// B blocks of outputs from `block` on, for R pixels from `row` on, of which `rows` are there. Without a window, sources follow each other.
GRAFT_INLINE void convolve_rows(const product_part *p, const window_part *window, const pixel_rows *to, size_t row, size_t rows,
                                size_t block, graft_loop_activation kind, int R, int B) {
    size_t column = block * lanes;
    // Where the result goes comes to the cache while the sums are made.
    if (to->ends) {
        for (size_t r = 0; r < rows; r++) {
            GRAFT_UNROLLED for (int b = 0; b < B; b++) {
                size_t at = (row + r) * to->outputs + column + (size_t)b * lanes;
                __builtin_prefetch(to->y + at, 1);
                if (to->residual && to->residual != to->y) __builtin_prefetch(to->residual + at);
            }
        }
    }
    graft_lanes sums[most_rows][most_blocks];
    begin_rows(sums, p, row, rows, R, B);
    if (window) {
        add_windows(sums, p, window, row, rows, R, B);
    } else {
        const float *sources[most_rows];
        find_rows(sources, p, row, rows, R);
        add_rows(sums, sources, p, R, B);
    }
    if (!to->ends) {
        store_rows(sums, p, row, rows, R, B);
        return;
    }
    if (column + (size_t)B * lanes <= to->outputs) {
        finish_rows(sums, to, row, rows, column, kind, R, B);
        return;
    }
    if (B > 1) finish_rows(sums, to, row, rows, column, kind, R, B - 1);
    graft_lanes held[pixels_together];
    GRAFT_UNROLLED for (int r = 0; r < R; r++) held[r] = sums[r][B - 1];
    GRAFT_FOR_EACH_KIND(finish_last_channels(held, to, row, rows, column + (size_t)(B - 1) * lanes, K);)
}

GRAFT_INLINE void convolve_blocks(const product_part *p, const window_part *window, const pixel_rows *to, size_t row, size_t rows,
                                  size_t block, graft_loop_activation kind, int B) {
    enum { third = pixels_together / 3 };
    if (rows > 2 * third) convolve_rows(p, window, to, row, rows, block, kind, pixels_together, B);
    else if (rows > third) convolve_rows(p, window, to, row, rows, block, kind, 2 * third, B);
    else convolve_rows(p, window, to, row, rows, block, kind, third, B);
}

void GRAFT_AT(graft_lane_convolution)(const graft_lane_shape *s, const float *x, const float *packed, const float *bias,
                                      const float *residual, float *y, size_t first_pixel, size_t last_pixel, size_t first, size_t last,
                                      graft_loop_activation kind) {
    size_t inputs = s->inputs, outputs = s->outputs, row_inputs = s->kernel_width * inputs, all_inputs = s->kernel_height * row_inputs;
    int follows = all_inputs == inputs && s->stride == 1;
    // A part is some channels of one row of the windows, or some rows.
    size_t depth = follows ? inputs_at_once : window_inputs_at_once;
    size_t rows_together = smaller(depth / row_inputs + (row_inputs > depth), s->kernel_height);
    float sums[rows_with_sums * blocks_together * lanes], patches[pixels_together][window_inputs_at_once];
    window_corner corners[rows_with_sums];
    // A row brings as much of the source as its window moves on over. Weights of windows are many: they pass over twice as many rows.
    size_t row_bytes = smaller(inputs * s->stride * s->stride, all_inputs) * sizeof(float);
    size_t most = (follows ? 1 : 2) * source_bytes_at_once / row_bytes;
    if (!follows || inputs > depth) most = smaller(most, rows_with_sums);
    size_t step = most < pixels_together ? pixels_together : most / pixels_together * pixels_together;
    for (size_t start = first_pixel; start < last_pixel; start += step) {
        size_t end = smaller(step, last_pixel - start);
        if (!follows) for (size_t row = 0; row < end; row++) corners[row] = corner_of(s, x, start + row);
        for (size_t block = first, blocks; block < last; block += blocks) {
            blocks = smaller(blocks_together, last - block);
            if (blocks == 3) blocks = 2;
            product_part p = {.products = sums, .inner = inputs, .outer = blocks_together * lanes, .block_step = all_inputs * lanes};
            for (size_t b = 0; b < most_blocks; b++) p.starts[b] = b * lanes;
            for (size_t down = 0, in = 0; down < s->kernel_height;) {
                window_part part = {s, corners, down, smaller(down + rows_together, s->kernel_height), in, patches};
                p.sources = x + start * inputs + in;
                p.weights = packed + (block * all_inputs + down * row_inputs + in) * lanes;
                p.depth = smaller(depth, row_inputs - in);
                p.adds = down + in > 0;
                in += p.depth;
                if (in == row_inputs) {
                    in = 0;
                    down = part.last;
                }
                pixel_rows to = {y + start * outputs, bias, residual ? residual + start * outputs : NULL, outputs, down == s->kernel_height};
                for (size_t row = 0; row < end; row += pixels_together) {
                    size_t rows = smaller(pixels_together, end - row);
                    // The first blocks bring the rows into the second-level cache, the next ones ahead of their turn.
                    int comes = follows && block == first && start + row + pixels_together < last_pixel;
                    p.next = p.sources + (row + pixels_together) * inputs;
                    p.next_step = comes ? pixels_together : 0;
                    const window_part *under = follows ? NULL : &part;
                    if (blocks_together == 4 && blocks == 4) convolve_blocks(&p, under, &to, row, rows, block, kind, 4);
                    else if (blocks_together == 4 && blocks == 2) convolve_blocks(&p, under, &to, row, rows, block, kind, 2);
                    else convolve_blocks(&p, under, &to, row, rows, block, kind, 1);
                }
            }
        }
    }
}
