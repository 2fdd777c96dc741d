// Pointwise convolutions. A few rows' sums are made in a corner of the first-level cache, and what stands behind the product is done there:
// so it needs no kernel of its own for each activation, rows and channels beyond the last are simply not taken over, and a residual may lie
// where the result goes.

// Few rows, since those of 1,024 channels stand in one place of a first-level cache of eight ways, and as many blocks as registers allow.
#if GRAFT_REGISTER_BITS == 512
enum { pixels_together = 6, blocks_together = 4, inputs_at_once = INT32_MAX };
#elif GRAFT_REGISTER_BITS == 256
enum { pixels_together = 6, blocks_together = 1, inputs_at_once = 256 };
#else
enum { pixels_together = 3, blocks_together = 1, inputs_at_once = 256 };
#endif
// Sources that many rows take together stay in the second-level cache while all weights pass, and a block's weights there while the rows do:
// where they are few at once, in the first-level cache, with sums that are added to.
enum { source_bytes_at_once = 192 << 10, sums_at_once = 192 * lanes };

size_t GRAFT_AT(graft_pointwise_packed_count)(size_t inputs, size_t outputs) { return block_count(outputs) * inputs * lanes; }

void GRAFT_AT(graft_pointwise_pack)(const float *weights, const float *scale, size_t inputs, size_t outputs, size_t first, size_t last,
                                    float *packed) {
    for (size_t block = first; block < last; block++) {
        size_t start = block * lanes, there = smaller(lanes, outputs - start);
        for (size_t in = 0; in < inputs; in += lanes) {
            size_t depth = smaller(lanes, inputs - in);
            float piece[lanes][lanes] = {0};
            for (size_t row = 0; row < there; row++) {
                const float *from = weights + (start + row) * inputs + in;
                float factor = scale ? scale[start + row] : 1;
                for (size_t k = 0; k < depth; k++) piece[row][k] = from[k] * factor;
            }
            float *to = packed + (block * inputs + in) * lanes;
            for (size_t k = 0; k < depth; k++)
                for (size_t row = 0; row < lanes; row++) to[k * lanes + row] = piece[row][k];
        }
    }
}

void GRAFT_AT(graft_pointwise_pack_turned)(const float *weights, const float *scale, size_t inputs, size_t outputs, size_t first,
                                           size_t last, float *packed) {
    for (size_t block = first; block < last; block++) {
        size_t start = block * lanes, there = smaller(lanes, outputs - start);
        for (size_t in = 0; in < inputs; in++) {
            const float *from = weights + in * outputs + start;
            float *to = packed + (block * inputs + in) * lanes, factor = scale ? scale[in] : 1;
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

/// What goes to y of the sums of `rows` pixels in the last channels, fewer than a block.
GRAFT_INLINE void finish_last_channels(const graft_lanes *sums, const pixel_rows *to, size_t row, size_t rows, size_t column, graft_loop_activation kind) {
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

/// B blocks of outputs from `block` on, for R pixels from `row` on, of which `rows` are there.
GRAFT_INLINE void pointwise_rows(const product_part *p, const pixel_rows *to, size_t row, size_t rows, size_t block,
                                 graft_loop_activation kind, int R, int B) {
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
    sum_rows(sums, p, row, rows, R, B);
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

GRAFT_INLINE void pointwise_blocks(const product_part *p, const pixel_rows *to, size_t row, size_t rows, size_t block,
                                   graft_loop_activation kind, int B) {
    enum { third = pixels_together / 3 };
    if (rows > 2 * third) pointwise_rows(p, to, row, rows, block, kind, pixels_together, B);
    else if (rows > third) pointwise_rows(p, to, row, rows, block, kind, 2 * third, B);
    else pointwise_rows(p, to, row, rows, block, kind, third, B);
}

void GRAFT_AT(graft_pointwise)(const float *x, const float *packed, const float *bias, const float *residual, float *y, size_t inputs,
                               size_t outputs, size_t pixels, size_t first, size_t last, graft_loop_activation kind) {
    float sums[sums_at_once];
    size_t most = source_bytes_at_once / (inputs * sizeof(float));
    if (inputs > inputs_at_once) most = smaller(most, sums_at_once / lanes);
    size_t step = most < pixels_together ? pixels_together : most / pixels_together * pixels_together;
    for (size_t start = 0; start < pixels; start += step) {
        size_t end = smaller(step, pixels - start);
        for (size_t block = first, blocks; block < last; block += blocks) {
            blocks = smaller(blocks_together, last - block);
            if (blocks == 3) blocks = 2;
            product_part p = {.products = sums, .inner = inputs, .outer = lanes};
            for (size_t b = 0; b < most_blocks; b++) p.starts[b] = b * lanes;
            for (size_t in = 0; in < inputs; in += inputs_at_once) {
                p.sources = x + start * inputs + in;
                p.weights = packed + (block * inputs + in) * lanes;
                p.depth = smaller(inputs_at_once, inputs - in);
                p.adds = in > 0;
                pixel_rows to = {y + start * outputs, bias, residual ? residual + start * outputs : NULL, outputs, in + p.depth == inputs};
                for (size_t row = 0; row < end; row += pixels_together) {
                    size_t rows = smaller(pixels_together, end - row);
                    // The first blocks bring the rows into the second-level cache, the next ones ahead of their turn.
                    int comes = block == first && start + row + pixels_together < pixels;
                    p.next = p.sources + (row + pixels_together) * inputs;
                    p.next_step = comes ? pixels_together : 0;
                    if (blocks_together == 4 && blocks == 4) pointwise_blocks(&p, &to, row, rows, block, kind, 4);
                    else if (blocks_together == 4 && blocks == 2) pointwise_blocks(&p, &to, row, rows, block, kind, 2);
                    else pointwise_blocks(&p, &to, row, rows, block, kind, 1);
                }
            }
        }
    }
}
