// The transforms of Winograd's convolutions, sixteen channels at a time. Each is applied to the rows of a tile, then to its columns; the
// numbers between go through the first-level cache, since a tile has more of them than there are registers.

enum { most_places = 36 };

// The points ±a and ±b, with a² = ½ and b² = 2.
static const float point_a = 0.70710678118654752f, point_b = 1.41421356237309505f;

/// Pixels of a tile's result in a row.
GRAFT_INLINE size_t tile_step(const graft_winograd *s) { return s->extent + 1 - s->kernel; }
GRAFT_INLINE size_t tile_columns(const graft_winograd *s) { return (s->out_width + tile_step(s) - 1) / tile_step(s); }
GRAFT_INLINE size_t tile_rows(const graft_winograd *s) { return (s->out_height + tile_step(s) - 1) / tile_step(s); }

size_t GRAFT_AT(graft_winograd_tiles)(const graft_winograd *s) { return tile_rows(s) * tile_columns(s); }

/// One piece of code for each tile (of E), window (of K) and result (of M), so that the choice stands outside of the loops.
#define FOR_EACH_SIZE(body)                                                                                                                \
    if (s->extent == 4) { enum { E = 4, K = 3, M = 2 }; body }                                                                            \
    else if (s->kernel == 5) { enum { E = 6, K = 5, M = 2 }; body }                                                                       \
    else { enum { E = 6, K = 3, M = 4 }; body }

// One-dimensional transforms of vectors that stand `from` and `to` apart, for tiles of E, results of M and windows of K. Row j of a matrix
// belongs to the j-th point p.

/// Bᵀd: row j holds the coefficients of Π (x − pₗ) over the points l ≠ j.
GRAFT_INLINE void transform_source(const graft_lanes *d, graft_lanes *r, int stride, int E) {
    graft_lanes d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride];
    if (E == 4) {
        r[0] = d0 - d2;
        r[stride] = d2 + d1;
        r[2 * stride] = d2 - d1;
        r[3 * stride] = d3 - d1;
        return;
    }
    graft_lanes d4 = d[4 * stride], d5 = d[5 * stride];
    graft_lanes even_a = d4 - 2.0f * d2, odd_a = point_a * d3 - point_b * d1, even_b = d4 - 0.5f * d2, odd_b = point_b * d3 - point_a * d1;
    r[0] = d0 - 2.5f * d2 + d4;
    r[stride] = even_a + odd_a;
    r[2 * stride] = even_a - odd_a;
    r[3 * stride] = even_b + odd_b;
    r[4 * stride] = even_b - odd_b;
    r[5 * stride] = d1 - 2.5f * d3 + d5;
}

/// Aᵀm: row i holds the points' i-th powers; the last point, infinity, counts in the last row.
GRAFT_INLINE void transform_destination(const graft_lanes *m, graft_lanes *r, int stride, int E, int M) {
    graft_lanes m0 = m[0], m1 = m[stride], m2 = m[2 * stride], m3 = m[3 * stride];
    graft_lanes sum_a = m1 + m2, difference_a = m1 - m2;
    if (E == 4) {
        r[0] = m0 + sum_a;
        r[stride] = difference_a + m3;
        return;
    }
    graft_lanes m4 = m[4 * stride], m5 = m[5 * stride], sum_b = m3 + m4, difference_b = m3 - m4;
    r[0] = m0 + sum_a + sum_b;
    if (M == 2) {
        r[stride] = point_a * difference_a + point_b * difference_b + m5;
    } else {
        r[stride] = point_a * difference_a + point_b * difference_b;
        r[2 * stride] = 0.5f * sum_a + 2.0f * sum_b;
        r[3 * stride] = point_a * 0.5f * difference_a + point_b * 2.0f * difference_b + m5;
    }
}

/// A y, the transpose of the above.
GRAFT_INLINE void transform_gradient(const graft_lanes *y, graft_lanes *r, int stride, int E, int M) {
    graft_lanes zero = 0, y0 = y[0], y1 = y[stride], y2 = M > 2 ? y[2 * stride] : zero, y3 = M > 2 ? y[3 * stride] : zero;
    r[0] = y0;
    if (E == 4) {
        r[stride] = y0 + y1;
        r[2 * stride] = y0 - y1;
        r[3 * stride] = y1;
        return;
    }
    graft_lanes even_a = y0 + 0.5f * y2, odd_a = point_a * (y1 + 0.5f * y3), even_b = y0 + 2.0f * y2, odd_b = point_b * (y1 + 2.0f * y3);
    r[stride] = even_a + odd_a;
    r[2 * stride] = even_a - odd_a;
    r[3 * stride] = even_b + odd_b;
    r[4 * stride] = even_b - odd_b;
    r[5 * stride] = M > 2 ? y3 : y1;
}

/// G w: row j holds the j-th point's powers over Π (pⱼ − pₗ): over 1, −1.5 and 6, or over 1 and 2.
GRAFT_INLINE void transform_weights(const graft_lanes *w, graft_lanes *r, int from, int to, int E, int K) {
    graft_lanes zero = 0, w0 = w[0], w1 = w[from], w2 = w[2 * from], w3 = K > 3 ? w[3 * from] : zero, w4 = K > 3 ? w[4 * from] : zero;
    r[0] = w0;
    if (E == 4) {
        r[to] = 0.5f * (w0 + w2 + w1);
        r[2 * to] = 0.5f * (w0 + w2 - w1);
        r[3 * to] = w2;
        return;
    }
    graft_lanes even_a = w0 + 0.5f * w2 + 0.25f * w4, odd_a = point_a * (w1 + 0.5f * w3);
    graft_lanes even_b = w0 + 2.0f * w2 + 4.0f * w4, odd_b = point_b * (w1 + 2.0f * w3);
    r[to] = (even_a + odd_a) * (-1 / 1.5f);
    r[2 * to] = (even_a - odd_a) * (-1 / 1.5f);
    r[3 * to] = (even_b + odd_b) * (1 / 6.0f);
    r[4 * to] = (even_b - odd_b) * (1 / 6.0f);
    r[5 * to] = K > 3 ? w4 : w2;
}

/// Gᵀ u, the transpose of the above.
GRAFT_INLINE void transform_weight_gradient(const graft_lanes *u, graft_lanes *r, int from, int to, int E, int K) {
    graft_lanes u0 = u[0], u1 = u[from], u2 = u[2 * from], u3 = u[3 * from];
    if (E == 4) {
        graft_lanes half = 0.5f * (u1 + u2);
        r[0] = u0 + half;
        r[to] = 0.5f * (u1 - u2);
        r[2 * to] = half + u3;
        return;
    }
    graft_lanes u4 = u[4 * from], u5 = u[5 * from];
    graft_lanes sum_a = (u1 + u2) * (-1 / 1.5f), difference_a = (u1 - u2) * (-point_a / 1.5f);
    graft_lanes sum_b = (u3 + u4) * (1 / 6.0f), difference_b = (u3 - u4) * (point_b / 6.0f);
    r[0] = u0 + sum_a + sum_b;
    r[to] = difference_a + difference_b;
    r[2 * to] = 0.5f * sum_a + 2.0f * sum_b;
    if (K == 3) {
        r[2 * to] += u5;
    } else {
        r[3 * to] = 0.5f * difference_a + 2.0f * difference_b;
        r[4 * to] = 0.25f * sum_a + 4.0f * sum_b + u5;
    }
}

/// Where a tile stands in its image.
typedef struct {
    size_t image, row, column;
} place;

GRAFT_INLINE place place_of(const graft_winograd *s, size_t tile) {
    size_t columns = tile_columns(s), in_image = tile % (tile_rows(s) * columns);
    return (place){tile / (tile_rows(s) * columns), in_image / columns * tile_step(s), in_image % columns * tile_step(s)};
}

/// Loads an N×N window of an image; what is outside counts as zeros.
GRAFT_INLINE void load_window(graft_lanes *window, const void *x, size_t image, ptrdiff_t top, ptrdiff_t left, size_t height, size_t width,
                              size_t channels, size_t channel, int N, graft_format format) {
    int inside = top >= 0 && left >= 0 && (size_t)top + (size_t)N <= height && (size_t)left + (size_t)N <= width;
    size_t corner = ((image * height + (size_t)top) * width + (size_t)left) * channels + channel;
    if (inside) {
        GRAFT_UNROLLED for (int i = 0; i < N; i++)
            GRAFT_UNROLLED for (int j = 0; j < N; j++)
                graft_load(&window[i * N + j], x, corner + ((size_t)i * width + (size_t)j) * channels, format);
        return;
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            int present = (size_t)(top + i) < height && (size_t)(left + j) < width;
            window[i * N + j] = 0;
            if (present) graft_load(&window[i * N + j], x, corner + ((size_t)i * width + (size_t)j) * channels, format);
        }
}

GRAFT_INLINE void source_tiles(const graft_winograd *s, const void *x, size_t first, size_t last, float *transformed, int E, graft_format format) {
    for (size_t tile = first; tile < last; tile++, transformed += s->in_channels) {
        place at = place_of(s, tile);
        ptrdiff_t top = (ptrdiff_t)at.row - (ptrdiff_t)s->pad_top, left = (ptrdiff_t)at.column - (ptrdiff_t)s->pad_left;
        for (size_t block = 0; block < block_count(s->in_channels); block++) {
            size_t channel = block_start(block, s->in_channels);
            graft_lanes window[most_places], row[6];
            load_window(window, x, at.image, top, left, s->in_height, s->in_width, s->in_channels, channel, E, format);
            GRAFT_UNROLLED for (int j = 0; j < E; j++) transform_source(window + j, window + j, E, E);
            GRAFT_UNROLLED for (int i = 0; i < E; i++) {
                transform_source(window + i * E, row, 1, E);
                GRAFT_UNROLLED for (int j = 0; j < E; j++)
                    graft_store(&row[j], transformed, (size_t)(i * E + j) * s->in_stride + channel, graft_full);
            }
        }
    }
}

void GRAFT_AT(graft_winograd_source)(const graft_winograd *s, const void *x, size_t first, size_t last, float *transformed) {
    FOR_EACH_SIZE(if (s->format == graft_half) source_tiles(s, x, first, last, transformed, E, graft_half);
                  else source_tiles(s, x, first, last, transformed, E, graft_full);)
}

/// The first `width` lanes of 16. What a residual stands in is written once only, so destinations' blocks must not overlap.
GRAFT_INLINE void load_part(graft_lanes *v, const void *p, size_t i, size_t width, graft_format format) {
    if (width == lanes) {
        graft_load(v, p, i, format);
    } else {
        size_t size = format == graft_half ? sizeof(uint16_t) : sizeof(float);
        graft_lanes whole = 0;
        memcpy(&whole, (const char *)p + i * size, width * size);
        graft_load(v, &whole, 0, format);
    }
}

GRAFT_INLINE void store_part(const graft_lanes *v, void *p, size_t i, size_t width, graft_format format) {
    if (width == lanes) {
        graft_store(v, p, i, format);
    } else {
        size_t size = format == graft_half ? sizeof(uint16_t) : sizeof(float);
        graft_lanes whole;
        graft_store(v, &whole, 0, format);
        memcpy((char *)p + i * size, &whole, width * size);
    }
}

GRAFT_INLINE void destination_tiles(const graft_winograd *s, const float *products, const float *bias, const void *residual, void *y,
                                    size_t first, size_t last, graft_loop_activation kind, int E, int M,
                                    graft_format format) {
    for (size_t tile = first; tile < last; tile++, products += s->out_channels) {
        place at = place_of(s, tile);
        size_t rows = smaller((size_t)M, s->out_height - at.row), columns = smaller((size_t)M, s->out_width - at.column);
        size_t corner = ((at.image * s->out_height + at.row) * s->out_width + at.column) * s->out_channels;
        for (size_t block = 0; block < block_count(s->out_channels); block++) {
            size_t channel = block * lanes, width = smaller(lanes, s->out_channels - channel);
            graft_lanes window[most_places], between[4 * 6], shift = 0;
            if (bias) load_part(&shift, bias, channel, width, graft_full);
            // Past the last channel there is the next tile, or the gap between matrices.
            GRAFT_UNROLLED for (int p = 0; p < E * E; p++) graft_load(&window[p], products, (size_t)p * s->out_stride + channel, graft_full);
            GRAFT_UNROLLED for (int j = 0; j < E; j++) transform_destination(window + j, between + j, E, E, M);
            for (size_t i = 0; i < rows; i++) {
                graft_lanes row[4];
                transform_destination(between + i * E, row, 1, E, M);
                for (size_t j = 0; j < columns; j++) {
                    size_t pixel = corner + (i * s->out_width + j) * s->out_channels + channel;
                    graft_lanes value = row[j] + shift, added;
                    if (residual) {
                        load_part(&added, residual, pixel, width, format);
                        value += added;
                    }
                    graft_lanes_activate(&value, kind);
                    store_part(&value, y, pixel, width, format);
                }
            }
        }
    }
}

void GRAFT_AT(graft_winograd_destination)(const graft_winograd *s, const float *products, const float *bias, const void *residual, void *y,
                                size_t first, size_t last, graft_loop_activation kind) {
    FOR_EACH_SIZE(if (s->format == graft_half) destination_tiles(s, products, bias, residual, y, first, last, kind, E, M, graft_half);
                  else destination_tiles(s, products, bias, residual, y, first, last, kind, E, M, graft_full);)
}

GRAFT_INLINE void gradient_tiles(const graft_winograd *s, const float *dy, size_t first, size_t last, float *transformed, int E, int M) {
    for (size_t tile = first; tile < last; tile++, transformed += s->out_channels) {
        place at = place_of(s, tile);
        for (size_t block = 0; block < block_count(s->out_channels); block++) {
            size_t channel = block_start(block, s->out_channels);
            graft_lanes window[4 * 4], between[6 * 4], row[6];
            load_window(window, dy, at.image, (ptrdiff_t)at.row, (ptrdiff_t)at.column, s->out_height, s->out_width, s->out_channels,
                        channel, M, graft_full);
            GRAFT_UNROLLED for (int j = 0; j < M; j++) transform_gradient(window + j, between + j, M, E, M);
            GRAFT_UNROLLED for (int i = 0; i < E; i++) {
                transform_gradient(between + i * M, row, 1, E, M);
                GRAFT_UNROLLED for (int j = 0; j < E; j++)
                    graft_store(&row[j], transformed, (size_t)(i * E + j) * s->out_stride + channel, graft_full);
            }
        }
    }
}

void GRAFT_AT(graft_winograd_destination_gradient)(const graft_winograd *s, const float *dy, size_t first, size_t last, float *transformed) {
    FOR_EACH_SIZE(gradient_tiles(s, dy, first, last, transformed, E, M);)
}

/// Filters of 16 channels that stand `step` floats apart, from the first tap on (or from the last back to the first).
GRAFT_INLINE void gather(graft_lanes *filter, const float *weights, size_t step, int turned, int K) {
    for (int tap = 0; tap < K * K; tap++)
        for (size_t lane = 0; lane < lanes; lane++)
            ((float *)&filter[turned ? K * K - 1 - tap : tap])[lane] = weights[lane * step + (size_t)tap];
}

GRAFT_INLINE void transform_filter(const graft_lanes *filter, float *transformed, size_t stride, int E, int K) {
    graft_lanes between[6 * 5], row[6];
    GRAFT_UNROLLED for (int j = 0; j < K; j++) transform_weights(filter + j, between + j, K, K, E, K);
    GRAFT_UNROLLED for (int i = 0; i < E; i++) {
        transform_weights(between + i * K, row, 1, 1, E, K);
        GRAFT_UNROLLED for (int j = 0; j < E; j++) graft_store(&row[j], transformed, (size_t)(i * E + j) * stride, graft_full);
    }
}

/// Where the weights of an input channel stand for a block of output channels.
GRAFT_INLINE size_t weight_place(const graft_winograd *s, size_t in, size_t block) { return (block * s->in_channels + in) * lanes; }

GRAFT_INLINE void forward_weights(const graft_winograd *s, const float *weights, const float *scale, size_t first, size_t last,
                                  float *transformed, int E, int K) {
    size_t taps = (size_t)(K * K);
    for (size_t out = first; out < last; out += lanes) {
        size_t start = smaller(out, s->out_channels - lanes);
        graft_lanes factor = 1, filter[25];
        if (scale) graft_load(&factor, scale, start, graft_full);
        for (size_t in = 0; in < s->in_channels; in++) {
            gather(filter, weights + (start * s->in_channels + in) * taps, s->in_channels * taps, 0, K);
            GRAFT_UNROLLED for (int tap = 0; tap < K * K; tap++) filter[tap] *= factor;
            transform_filter(filter, transformed + weight_place(s, in, out / lanes), s->weight_stride, E, K);
        }
    }
}

void GRAFT_AT(graft_winograd_weights)(const graft_winograd *s, const float *weights, const float *scale, size_t first, size_t last,
                            float *transformed) {
    FOR_EACH_SIZE(forward_weights(s, weights, scale, first, last, transformed, E, K);)
}

GRAFT_INLINE void turned_weights(const graft_winograd *s, const float *weights, const float *scale, size_t first, size_t last,
                                 float *transformed, int E, int K) {
    size_t taps = (size_t)(K * K);
    for (size_t in = first; in < last; in++) {
        graft_lanes factor = scale ? scale[in] : 1, filter[25];
        for (size_t block = 0; block < block_count(s->out_channels); block++) {
            size_t out = block_start(block, s->out_channels);
            gather(filter, weights + (in * s->out_channels + out) * taps, taps, 1, K);
            GRAFT_UNROLLED for (int tap = 0; tap < K * K; tap++) filter[tap] *= factor;
            transform_filter(filter, transformed + weight_place(s, in, block), s->weight_stride, E, K);
        }
    }
}

void GRAFT_AT(graft_winograd_turned_weights)(const graft_winograd *s, const float *weights, const float *scale, size_t first, size_t last,
                                   float *transformed) {
    FOR_EACH_SIZE(turned_weights(s, weights, scale, first, last, transformed, E, K);)
}

GRAFT_INLINE void weight_gradient(const graft_winograd *s, const float *transformed, size_t first, size_t last, float *gradient, int E,
                                  int K) {
    size_t taps = (size_t)(K * K);
    for (size_t out = first; out < last; out += lanes) {
        size_t start = smaller(out, s->out_channels - lanes);
        for (size_t in = 0; in < s->in_channels; in++) {
            const float *own = transformed + in * s->out_channels + start;
            graft_lanes window[most_places], between[5 * 6], filter[25];
            GRAFT_UNROLLED for (int p = 0; p < E * E; p++) graft_load(&window[p], own, (size_t)p * s->weight_stride, graft_full);
            GRAFT_UNROLLED for (int j = 0; j < E; j++) transform_weight_gradient(window + j, between + j, E, E, E, K);
            GRAFT_UNROLLED for (int i = 0; i < K; i++) transform_weight_gradient(between + i * E, filter + i * K, 1, 1, E, K);
            for (size_t lane = 0; lane < lanes; lane++)
                for (size_t tap = 0; tap < taps; tap++)
                    gradient[((start + lane) * s->in_channels + in) * taps + tap] = ((float *)&filter[tap])[lane];
        }
    }
}

void GRAFT_AT(graft_winograd_weight_gradient)(const graft_winograd *s, const float *transformed, size_t first, size_t last, float *gradient) {
    FOR_EACH_SIZE(weight_gradient(s, transformed, first, last, gradient, E, K);)
}
