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
// where they are few at once, in the first-level cache, with sums that are added to. A place of a window has so many channels at once.
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

/// Where the window of a pixel of the result begins in the source: it may begin outside.
typedef struct {
    const float *image;
    ptrdiff_t row, column;
} window_corner;

/// A place in the window, over the corners of some pixels.
typedef struct {
    const graft_lane_shape *shape;
    const window_corner *corners;
    ptrdiff_t down, right;
    /// The first of the source's channels that are taken.
    size_t input;
} window_place;

GRAFT_INLINE window_corner corner_of(const graft_lane_shape *s, const float *x, size_t pixel) {
    size_t column = pixel % s->out_width, row = pixel / s->out_width % s->out_height, image = pixel / s->out_width / s->out_height;
    return (window_corner){x + image * s->in_height * s->in_width * s->inputs, (ptrdiff_t)(row * s->stride) - (ptrdiff_t)s->pad_top,
                           (ptrdiff_t)(column * s->stride) - (ptrdiff_t)s->pad_left};
}

/// Where the sources of R rows stand under a place of the window: zeros where that is outside.
GRAFT_INLINE void find_sources(const float **sources, const window_place *at, size_t row, size_t rows, int R) {
    static const float zeros[window_inputs_at_once];
    GRAFT_UNROLLED for (int r = 0; r < R; r++) {
        const window_corner *corner = at->corners + row + smaller((size_t)r, rows - 1);
        size_t y = (size_t)(corner->row + at->down), x = (size_t)(corner->column + at->right);
        int inside = y < at->shape->in_height && x < at->shape->in_width;
        sources[r] = inside ? corner->image + (y * at->shape->in_width + x) * at->shape->inputs + at->input : zeros;
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

/// B blocks of outputs from `block` on, for R pixels from `row` on, of which `rows` are there. Without a place, sources follow each other.
GRAFT_INLINE void convolve_rows(const product_part *p, const window_place *at_place, const pixel_rows *to, size_t row, size_t rows,
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
    const float *sources[most_rows];
    if (at_place) find_sources(sources, at_place, row, rows, R);
    else find_rows(sources, p, row, rows, R);
    graft_lanes sums[most_rows][most_blocks];
    sum_rows(sums, sources, p, row, rows, R, B);
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

GRAFT_INLINE void convolve_blocks(const product_part *p, const window_place *place, const pixel_rows *to, size_t row, size_t rows,
                                  size_t block, graft_loop_activation kind, int B) {
    enum { third = pixels_together / 3 };
    if (rows > 2 * third) convolve_rows(p, place, to, row, rows, block, kind, pixels_together, B);
    else if (rows > third) convolve_rows(p, place, to, row, rows, block, kind, 2 * third, B);
    else convolve_rows(p, place, to, row, rows, block, kind, third, B);
}

void GRAFT_AT(graft_lane_convolution)(const graft_lane_shape *s, const float *x, const float *packed, const float *bias,
                                      const float *residual, float *y, size_t first_pixel, size_t last_pixel, size_t first, size_t last,
                                      graft_loop_activation kind) {
    size_t inputs = s->inputs, outputs = s->outputs, places = window_places(s);
    int follows = places == 1 && s->stride == 1;
    size_t depth = follows ? inputs_at_once : window_inputs_at_once, parts = (inputs + depth - 1) / depth;
    float sums[rows_with_sums * blocks_together * lanes];
    window_corner corners[rows_with_sums];
    // A row brings as much of the source as its window moves on over. Weights of windows are many: they pass over twice as many rows.
    size_t row_bytes = inputs * sizeof(float) * smaller(s->stride * s->stride, places);
    size_t most = (follows ? 1 : 2) * source_bytes_at_once / row_bytes;
    if (!follows || parts > 1) most = smaller(most, rows_with_sums);
    size_t step = most < pixels_together ? pixels_together : most / pixels_together * pixels_together;
    for (size_t start = first_pixel; start < last_pixel; start += step) {
        size_t end = smaller(step, last_pixel - start);
        if (!follows) for (size_t row = 0; row < end; row++) corners[row] = corner_of(s, x, start + row);
        for (size_t block = first, blocks; block < last; block += blocks) {
            blocks = smaller(blocks_together, last - block);
            if (blocks == 3) blocks = 2;
            product_part p = {.products = sums, .inner = inputs, .outer = blocks_together * lanes, .block_step = places * inputs * lanes};
            for (size_t b = 0; b < most_blocks; b++) p.starts[b] = b * lanes;
            for (size_t part = 0; part < places * parts; part++) {
                size_t place = part / parts, in = part % parts * depth;
                window_place under = {s, corners, (ptrdiff_t)(place / s->kernel_width), (ptrdiff_t)(place % s->kernel_width), in};
                p.sources = x + start * inputs + in;
                p.weights = packed + ((block * places + place) * inputs + in) * lanes;
                p.depth = smaller(depth, inputs - in);
                p.adds = part > 0;
                pixel_rows to = {y + start * outputs, bias, residual ? residual + start * outputs : NULL, outputs, part + 1 == places * parts};
                for (size_t row = 0; row < end; row += pixels_together) {
                    size_t rows = smaller(pixels_together, end - row);
                    // The first blocks bring the rows into the second-level cache, the next ones ahead of their turn.
                    int comes = follows && block == first && start + row + pixels_together < last_pixel;
                    p.next = p.sources + (row + pixels_together) * inputs;
                    p.next_step = comes ? pixels_together : 0;
                    const window_place *place_of_rows = follows ? NULL : &under;
                    if (blocks_together == 4 && blocks == 4) convolve_blocks(&p, place_of_rows, &to, row, rows, block, kind, 4);
                    else if (blocks_together == 4 && blocks == 2) convolve_blocks(&p, place_of_rows, &to, row, rows, block, kind, 2);
                    else convolve_blocks(&p, place_of_rows, &to, row, rows, block, kind, 1);
                }
            }
        }
    }
}
