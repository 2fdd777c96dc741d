// Depthwise convolutions, which oneDNN 2.6 runs far below the machine's speed in NHWC. Sixteen channels of several neighbouring pixels of
// a row stay in registers while the filter slides over them, so that each number of the source is loaded once for all outputs that need it.

// Results of one row kept in registers. Seven divides the widths of 224-pixel networks (112 … 7) and fits AVX2's 16 registers, too.
enum { wide_tile = 7, narrow_tile = 4 };
// Of those with code of their own: a row of the filter stays in registers as well.
enum { largest_kernel = 7 };
// Pixels of a few rows that are worked on block by block: a block's filter is used for so many before the next one's is fetched.
enum { pixels_at_once = 112 };

/// Rows after `row` within its image and before `last` that are worked on together.
GRAFT_INLINE size_t row_group_end(size_t row, size_t last, size_t height, size_t width) {
    size_t rows = width < pixels_at_once ? pixels_at_once / width : 1;
    return smaller(smaller(row + rows, (row / height + 1) * height), last);
}

size_t GRAFT_AT(graft_depthwise_packed_count)(const graft_depthwise *s) { return block_count(s->channels) * s->kernel * s->kernel * lanes; }

void GRAFT_AT(graft_depthwise_pack)(const graft_depthwise *s, const float *weights, const float *scale, float *packed) {
    size_t taps = s->kernel * s->kernel, width = smaller(lanes, s->channels);
    for (size_t block = 0; block < block_count(s->channels); block++, packed += taps * lanes)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t lane = 0; lane < lanes; lane++) {
                size_t channel = block_start(block, s->channels) + lane;
                float value = lane < width ? weights[channel * taps + tap] : 0;
                packed[tap * lanes + lane] = scale && lane < width ? value * scale[channel] : value;
            }
}

void GRAFT_AT(graft_depthwise_unpack)(const graft_depthwise *s, const float *packed, const float *scale, float *gradient) {
    size_t taps = s->kernel * s->kernel, width = smaller(lanes, s->channels);
    for (size_t block = 0; block < block_count(s->channels); block++, packed += taps * lanes)
        for (size_t lane = 0; lane < width; lane++) {
            size_t channel = block_start(block, s->channels) + lane;
            for (size_t tap = 0; tap < taps; tap++)
                gradient[channel * taps + tap] = packed[tap * lanes + lane] * (scale ? scale[channel] : 1);
        }
}

/// A part of a row: where it starts in memory (column 0, first channel of the block), its length, and how to read it.
typedef struct {
    const void *base;
    size_t start, columns, channels;
} row_view;

/// sums[t] += Σ_kx row[column + stride · t + kx] · filter[kx]; columns outside the row count as zeros.
GRAFT_INLINE void slide(graft_lanes *sums, const row_view *row, ptrdiff_t column, const float *filter, int K, int S, int T, graft_format format) {
    graft_lanes weights[largest_kernel];
    GRAFT_UNROLLED for (int k = 0; k < K; k++) graft_load(&weights[k], filter, (size_t)k * lanes, 0);
    GRAFT_UNROLLED for (int j = 0; j < S * (T - 1) + K; j++) {
        size_t source = (size_t)(column + j);
        if (source >= row->columns) continue;
        graft_lanes value;
        graft_load(&value, row->base, row->start + source * row->channels, format);
        GRAFT_UNROLLED for (int t = 0; t < T; t++)
            if (j - S * t >= 0 && j - S * t < K) sums[t] += value * weights[j - S * t];
    }
}

/// Where one output row of one block lies, and what makes it.
typedef struct {
    const graft_depthwise *shape;
    const void *x;
    const float *filter;
    void *y;
    size_t block, row;
    graft_lanes bias;
    graft_loop_activation kind;
} output_row;

GRAFT_INLINE void forward_tile(const output_row *o, size_t column, int K, int S, int T, graft_format format) {
    const graft_depthwise *s = o->shape;
    size_t image = o->row / s->out_height, channel = block_start(o->block, s->channels);
    ptrdiff_t top = (ptrdiff_t)(o->row % s->out_height * S) - (ptrdiff_t)s->pad_top;
    graft_lanes sums[wide_tile];
    GRAFT_UNROLLED for (int t = 0; t < T; t++) sums[t] = o->bias;
    for (int k = 0; k < K; k++) {
        size_t source = (size_t)(top + k);
        if (source >= s->in_height) continue;
        row_view row = {o->x, (image * s->in_height + source) * s->in_width * s->channels + channel, s->in_width, s->channels};
        slide(sums, &row, (ptrdiff_t)(column * S) - (ptrdiff_t)s->pad_left, o->filter + k * K * lanes, K, S, T, format);
    }
    size_t first = (o->row * s->out_width + column) * s->channels + channel;
    // A copy, for the loop that is not unrolled would keep the sums out of registers above.
    graft_lanes results[wide_tile];
    GRAFT_UNROLLED for (int t = 0; t < T; t++) results[t] = sums[t];
    _Pragma("clang loop unroll(disable)") for (int t = 0; t < T; t++) {
        graft_lanes_activate(&results[t], o->kind);
        graft_store(&results[t], o->y, first + (size_t)t * s->channels, format);
    }
}

GRAFT_INLINE void forward_rows(const graft_depthwise *s, const void *x, const float *packed, const float *bias, void *y, size_t first,
                               size_t last, graft_loop_activation kind, int K, int S, graft_format format) {
    for (size_t group = first, end; group < last; group = end) {
        end = row_group_end(group, last, s->out_height, s->out_width);
        for (size_t block = 0; block < block_count(s->channels); block++) {
            output_row o = {s, x, packed + block * K * K * lanes, y, block, group, 0, kind};
            if (bias) graft_load(&o.bias, bias, block_start(block, s->channels), 0);
            for (; o.row < end; o.row++) {
                size_t column = 0;
                for (; column + wide_tile <= s->out_width; column += wide_tile) forward_tile(&o, column, K, S, wide_tile, format);
                for (; column + narrow_tile <= s->out_width; column += narrow_tile) forward_tile(&o, column, K, S, narrow_tile, format);
                for (; column < s->out_width; column++) forward_tile(&o, column, K, S, 1, format);
            }
        }
    }
}

/// sums[t] += Σ_j row[column + j] · filter[t + phase − stride · j]: what the outputs around `column` owe to T neighbouring inputs, the first
/// of which stands `phase` after the input under the first tap of output `column`.
GRAFT_INLINE void slide_back(graft_lanes *sums, const row_view *row, ptrdiff_t column, const float *filter, int K, int S, int phase,
                             int T) {
    graft_lanes weights[largest_kernel];
    GRAFT_UNROLLED for (int k = 0; k < K; k++) graft_load(&weights[k], filter, (size_t)k * lanes, 0);
    GRAFT_UNROLLED for (int j = -((K - 1 - phase) / S); j <= (T - 1 + phase) / S; j++) {
        size_t source = (size_t)(column + j);
        if (source >= row->columns) continue;
        graft_lanes value;
        graft_load(&value, row->base, row->start + source * row->channels, 0);
        GRAFT_UNROLLED for (int t = 0; t < T; t++)
            if (t + phase - S * j >= 0 && t + phase - S * j < K) sums[t] += value * weights[t + phase - S * j];
    }
}

GRAFT_INLINE void backward_tile(const output_row *o, size_t column, int K, int S, int phase, int T) {
    const graft_depthwise *s = o->shape;
    size_t image = o->row / s->in_height, channel = block_start(o->block, s->channels), bottom = o->row % s->in_height + s->pad_top;
    graft_lanes sums[wide_tile + 1];
    GRAFT_UNROLLED for (int t = 0; t < T; t++) sums[t] = 0;
    for (size_t k = bottom % (size_t)S; k < (size_t)K && k <= bottom; k += (size_t)S) {
        size_t source = (bottom - k) / (size_t)S;
        if (source >= s->out_height) continue;
        row_view row = {o->x, (image * s->out_height + source) * s->out_width * s->channels + channel, s->out_width, s->channels};
        slide_back(sums, &row, (ptrdiff_t)((column + s->pad_left) / (size_t)S), o->filter + k * (size_t)K * lanes, K, S, phase, T);
    }
    size_t first = (o->row * s->in_width + column) * s->channels + channel;
    GRAFT_UNROLLED for (int t = 0; t < T; t++) graft_store(&sums[t], o->y, first + (size_t)t * s->channels, 0);
}

/// As above, for either place of the first input between two outputs.
GRAFT_INLINE void backward_tile_in_phase(const output_row *o, size_t column, int K, int S, int T) {
    if (S == 2 && (column + o->shape->pad_left) % 2) backward_tile(o, column, K, S, 1, T);
    else backward_tile(o, column, K, S, 0, T);
}

GRAFT_INLINE void backward_data_rows(const graft_depthwise *s, const float *dy, const float *packed, float *dx, size_t first, size_t last,
                                     int K, int S) {
    const size_t wide = S == 1 ? wide_tile : wide_tile + 1;
    for (size_t group = first, end; group < last; group = end) {
        end = row_group_end(group, last, s->in_height, s->in_width);
        for (size_t block = 0; block < block_count(s->channels); block++) {
            output_row o = {s, dy, packed + block * K * K * lanes, dx, block, group, 0, graft_loop_identity};
            for (; o.row < end; o.row++) {
                size_t column = 0;
                for (; column + wide <= s->in_width; column += wide) backward_tile_in_phase(&o, column, K, S, (int)wide);
                for (; column + narrow_tile <= s->in_width; column += narrow_tile)
                    backward_tile_in_phase(&o, column, K, S, narrow_tile);
                for (; column < s->in_width; column++) backward_tile_in_phase(&o, column, K, S, 1);
            }
        }
    }
}

/// Sums a tap: two, so that additions need not wait for each other; of seven taps one, for there are registers for no more.
GRAFT_INLINE int sums_of(int K) { return K < 7 ? 2 : 1; }

/// sums[kx] += Σ_t row[column + stride · t + kx] · gradient[t].
GRAFT_INLINE void correlate(graft_lanes *sums, const row_view *row, ptrdiff_t column, const float *gradient, int K, int S, int T) {
    graft_lanes slopes[wide_tile];
    GRAFT_UNROLLED for (int t = 0; t < T; t++) graft_load(&slopes[t], gradient, (size_t)t * row->channels, 0);
    GRAFT_UNROLLED for (int j = 0; j < S * (T - 1) + K; j++) {
        size_t source = (size_t)(column + j);
        if (source >= row->columns) continue;
        graft_lanes value;
        graft_load(&value, row->base, row->start + source * row->channels, 0);
        GRAFT_UNROLLED for (int t = 0; t < T; t++)
            if (j - S * t >= 0 && j - S * t < K) sums[sums_of(K) * (j - S * t) + t % sums_of(K)] += value * slopes[t];
    }
}

/// Adds what the rows first ..< end of one image contribute to row k of a block's filter gradient.
GRAFT_INLINE void accumulate_taps(const graft_depthwise *s, const float *x, const float *dy, float *taps, size_t channel, size_t first,
                                  size_t end, size_t k, int K, int S) {
    graft_lanes sums[2 * largest_kernel];
    GRAFT_UNROLLED for (int i = 0; i < sums_of(K) * K; i++) sums[i] = 0;
    for (size_t r = first; r < end; r++) {
        size_t source = (size_t)((ptrdiff_t)(r % s->out_height * (size_t)S + k) - (ptrdiff_t)s->pad_top);
        if (source >= s->in_height) continue;
        row_view row = {x, (r / s->out_height * s->in_height + source) * s->in_width * s->channels + channel, s->in_width, s->channels};
        const float *gradient = dy + r * s->out_width * s->channels + channel;
        ptrdiff_t left = -(ptrdiff_t)s->pad_left;
        size_t column = 0;
        for (; column + wide_tile <= s->out_width; column += wide_tile)
            correlate(sums, &row, left + (ptrdiff_t)column * S, gradient + column * s->channels, K, S, wide_tile);
        for (; column + narrow_tile <= s->out_width; column += narrow_tile)
            correlate(sums, &row, left + (ptrdiff_t)column * S, gradient + column * s->channels, K, S, narrow_tile);
        for (; column < s->out_width; column++)
            correlate(sums, &row, left + (ptrdiff_t)column * S, gradient + column * s->channels, K, S, 1);
    }
    GRAFT_UNROLLED for (int i = 0; i < K; i++) {
        graft_lanes total;
        graft_load(&total, taps, (size_t)i * lanes, 0);
        total += sums_of(K) == 2 ? sums[2 * i] + sums[2 * i + 1] : sums[i];
        graft_store(&total, taps, (size_t)i * lanes, 0);
    }
}

GRAFT_INLINE void backward_weights_rows(const graft_depthwise *s, const float *x, const float *dy, float *packed, size_t first, size_t last,
                                        int K, int S) {
    for (size_t group = first, end; group < last; group = end) {
        end = row_group_end(group, last, s->out_height, s->out_width);
        for (size_t block = 0; block < block_count(s->channels); block++)
            for (size_t k = 0; k < (size_t)K; k++)
                accumulate_taps(s, x, dy, packed + (block * K + k) * K * lanes, block_start(block, s->channels), group, end, k, K, S);
    }
}

// Any other kernel or stride, and fewer channels than a block has: plain loops, not made for speed.

GRAFT_INLINE int is_plain(const graft_depthwise *s) {
    if (s->channels < lanes || (s->stride != 1 && s->stride != 2)) return 1;
    return s->kernel != 3 && s->kernel != 5 && (s->kernel != 7 || s->stride != 1);
}

GRAFT_INLINE void load_some(graft_lanes *v, const void *p, size_t i, size_t count, graft_format format) {
    *v = 0;
    for (size_t lane = 0; lane < count; lane++) {
        uint32_t bits;
        if (format == graft_half) bits = (uint32_t)((const uint16_t *)p)[i + lane] << 16;
        else if (format == graft_full) memcpy(&bits, (const float *)p + i + lane, sizeof bits);
        float value;
        if (format == graft_unsigned_bytes) value = ((const uint8_t *)p)[i + lane];
        else memcpy(&value, &bits, sizeof value);
        (*v)[lane] = value;
    }
}

GRAFT_INLINE void store_some(const graft_lanes *v, void *p, size_t i, size_t count, graft_format format) {
    static const size_t sizes[] = {[graft_full] = 4, [graft_half] = 2, [graft_unsigned_bytes] = 1};
    float room[lanes];
    graft_store(v, room, 0, format);
    memcpy((uint8_t *)p + i * sizes[format], room, count * sizes[format]);
}

/// The input pixel under a tap of an output pixel (row counted over images), or -1 where it lies outside.
GRAFT_INLINE ptrdiff_t pixel_under(const graft_depthwise *s, size_t row, size_t column, size_t tap) {
    size_t in_row = row % s->out_height * s->stride + tap / s->kernel - s->pad_top;
    size_t in_column = column * s->stride + tap % s->kernel - s->pad_left;
    if (in_row >= s->in_height || in_column >= s->in_width) return -1;
    return (ptrdiff_t)((row / s->out_height * s->in_height + in_row) * s->in_width + in_column);
}

/// The output pixel of which an input pixel is under a tap, or -1.
GRAFT_INLINE ptrdiff_t pixel_over(const graft_depthwise *s, size_t row, size_t column, size_t tap) {
    size_t bottom = row % s->in_height + s->pad_top - tap / s->kernel, right = column + s->pad_left - tap % s->kernel;
    // What is left of or above the first window has wrapped around and is far too large.
    if (bottom % s->stride || right % s->stride || bottom / s->stride >= s->out_height || right / s->stride >= s->out_width) return -1;
    return (ptrdiff_t)((row / s->in_height * s->out_height + bottom / s->stride) * s->out_width + right / s->stride);
}

/// Forward, or with `is_backward` to the source's gradient: results over rows of `width` pixels, gathered tap by tap.
GRAFT_INLINE void plain_rows(const graft_depthwise *s, const void *x, const float *packed, const float *bias, void *y, size_t first,
                             size_t last, graft_loop_activation kind, graft_format format, int is_backward) {
    size_t taps = s->kernel * s->kernel, width = is_backward ? s->in_width : s->out_width, count = smaller(lanes, s->channels);
    for (size_t pixel = first * width; pixel < last * width; pixel++)
        for (size_t block = 0; block < block_count(s->channels); block++) {
            graft_lanes sum = 0, value, weight;
            if (bias) load_some(&sum, bias, block_start(block, s->channels), count, 0);
            for (size_t tap = 0; tap < taps; tap++) {
                size_t row = pixel / width, column = pixel % width;
                ptrdiff_t from = is_backward ? pixel_over(s, row, column, tap) : pixel_under(s, row, column, tap);
                if (from < 0) continue;
                load_some(&value, x, (size_t)from * s->channels + block_start(block, s->channels), count, format);
                graft_load(&weight, packed, (block * taps + tap) * lanes, 0);
                sum += value * weight;
            }
            graft_lanes_activate(&sum, kind);
            store_some(&sum, y, pixel * s->channels + block_start(block, s->channels), count, format);
        }
}

GRAFT_INLINE void plain_weights(const graft_depthwise *s, const float *x, const float *dy, float *packed, size_t first, size_t last) {
    size_t taps = s->kernel * s->kernel, count = smaller(lanes, s->channels);
    for (size_t block = 0; block < block_count(s->channels); block++)
        for (size_t tap = 0; tap < taps; tap++) {
            graft_lanes sum = 0, value, slope;
            for (size_t pixel = first * s->out_width; pixel < last * s->out_width; pixel++) {
                ptrdiff_t from = pixel_under(s, pixel / s->out_width, pixel % s->out_width, tap);
                if (from < 0) continue;
                load_some(&value, x, (size_t)from * s->channels + block_start(block, s->channels), count, 0);
                load_some(&slope, dy, pixel * s->channels + block_start(block, s->channels), count, 0);
                sum += value * slope;
            }
            graft_load(&value, packed, (block * taps + tap) * lanes, 0);
            sum += value;
            graft_store(&sum, packed, (block * taps + tap) * lanes, 0);
        }
}

// One body a kernel size and stride, so that filters and results have fixed places in registers.
#define FOR_EACH_KERNEL(s, plain, call)                                                                                                   \
    if (is_plain(s)) plain;                                                                                                               \
    else if ((s)->kernel == 3 && (s)->stride == 1) { enum { K = 3, S = 1 }; call; }                                                       \
    else if ((s)->kernel == 3) { enum { K = 3, S = 2 }; call; }                                                                           \
    else if ((s)->kernel == 7) { enum { K = 7, S = 1 }; call; }                                                                           \
    else if ((s)->stride == 1) { enum { K = 5, S = 1 }; call; }                                                                           \
    else { enum { K = 5, S = 2 }; call; }

/// The same for one format, so that it is known where the code is made.
GRAFT_INLINE void forward_in_format(const graft_depthwise *s, const void *x, const float *packed, const float *bias, void *y, size_t first,
                                    size_t last, graft_loop_activation kind, graft_format format) {
    FOR_EACH_KERNEL(s, plain_rows(s, x, packed, bias, y, first, last, kind, format, 0),
                    forward_rows(s, x, packed, bias, y, first, last, kind, K, S, format))
}

void GRAFT_AT(graft_depthwise_forward)(const graft_depthwise *s, const void *x, const float *packed, const float *bias, void *y,
                                       size_t first, size_t last, graft_loop_activation kind, graft_format format) {
    if (format == graft_unsigned_bytes) forward_in_format(s, x, packed, bias, y, first, last, kind, graft_unsigned_bytes);
    else GRAFT_FOR_EACH_FORMAT(forward_in_format(s, x, packed, bias, y, first, last, kind, F);)
}

void GRAFT_AT(graft_depthwise_backward_data)(const graft_depthwise *s, const float *dy, const float *packed, float *dx,
                                                    size_t first, size_t last) {
    FOR_EACH_KERNEL(s, plain_rows(s, dy, packed, NULL, dx, first, last, graft_loop_identity, 0, 1),
                    backward_data_rows(s, dy, packed, dx, first, last, K, S))
}

void GRAFT_AT(graft_depthwise_backward_weights)(const graft_depthwise *s, const float *x, const float *dy, float *packed,
                                                       size_t first, size_t last) {
    FOR_EACH_KERNEL(s, plain_weights(s, x, dy, packed, first, last), backward_weights_rows(s, x, dy, packed, first, last, K, S))
}
