// Pointwise convolutions. A few rows' sums are made in a corner of the first-level cache, and what stands behind the product is done there:
// so it needs no kernel of its own for each activation, rows and channels beyond the last are simply not taken over, and a residual may lie
// where the result goes.

// Few rows, since those of 1,024 channels stand in one place of a first-level cache of eight ways, and as many blocks as registers allow.
#if GRAFT_REGISTER_BITS == 512
enum { pixels_together = 6, blocks_together = 4 };
#elif GRAFT_REGISTER_BITS == 256
enum { pixels_together = 6, blocks_together = 1 };
#else
enum { pixels_together = 3, blocks_together = 1 };
#endif
// Sources that many rows take together stay in the second-level cache while all weights pass, and a block's weights there while the rows do.
enum { source_bytes_at_once = 192 << 10 };

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

/// What goes to y of the sums of some rows, [rows][width]: from `column` on, of which `there` are channels.
GRAFT_INLINE void finish_rows(float *sums, size_t rows, size_t width, size_t there, const float *bias, const float *residual, float *y,
                              size_t outputs, graft_loop_activation kind) {
    for (size_t row = 0; row < rows; row++, sums += width, y += outputs) {
        for (size_t start = 0; start < there; start += lanes) {
            size_t left = smaller(lanes, there - start);
            graft_lanes v, other = 0;
            graft_load(&v, sums, start, graft_full);
            if (bias) {
                if (left == lanes) graft_load(&other, bias, start, graft_full);
                else memcpy(&other, bias + start, left * sizeof(float));
                v += other;
            }
            if (residual) {
                if (left == lanes) graft_load(&other, residual, start, graft_full);
                else memcpy(&other, residual + start, left * sizeof(float));
                v += other;
            }
            graft_lanes_activate(&v, kind);
            if (left == lanes) graft_store(&v, y, start, graft_full);
            else memcpy(y + start, &v, left * sizeof(float));
        }
        if (residual) residual += outputs;
    }
}

/// B blocks of outputs from `block` on, for some rows.
GRAFT_INLINE void pointwise_rows(const product_part *product, size_t row, size_t rows, size_t block, const float *bias,
                                 const float *residual, float *y, size_t outputs, graft_loop_activation kind, int B) {
    float sums[pixels_together * most_blocks * lanes] __attribute__((aligned(64)));
    product_part p = *product;
    p.sources += row * p.inner;
    p.products = sums;
    p.outer = (size_t)B * lanes;
    size_t column = block * lanes, at = row * outputs + column;
    // Where the result goes comes to the cache while the sums are made.
    for (size_t r = 0; r < rows; r++) {
        GRAFT_UNROLLED for (int b = 0; b < B; b++) {
            __builtin_prefetch(y + at + r * outputs + b * lanes, 1);
            if (residual && residual != y) __builtin_prefetch(residual + at + r * outputs + b * lanes);
        }
    }
    if (rows > pixels_together / 3 * 2) product_rows(&p, 0, rows, pixels_together, B);
    else if (rows > pixels_together / 3) product_rows(&p, 0, rows, pixels_together / 3 * 2, B);
    else product_rows(&p, 0, rows, pixels_together / 3, B);
    GRAFT_FOR_EACH_KIND(finish_rows(sums, rows, p.outer, smaller(p.outer, outputs - column), bias ? bias + column : NULL,
                                    residual ? residual + at : NULL, y + at, outputs, K);)
}

void GRAFT_AT(graft_pointwise)(const float *x, const float *packed, const float *bias, const float *residual, float *y, size_t inputs,
                               size_t outputs, size_t pixels, size_t first, size_t last, graft_loop_activation kind) {
    size_t step = source_bytes_at_once / (inputs * sizeof(float)) / pixels_together * pixels_together;
    if (step < pixels_together) step = pixels_together;
    for (size_t start = 0; start < pixels; start += step) {
        size_t end = smaller(start + step, pixels);
        for (size_t block = first, blocks; block < last; block += blocks) {
            blocks = smaller(blocks_together, last - block);
            if (blocks == 3) blocks = 2;
            product_part p = {.sources = x, .weights = packed + block * inputs * lanes, .inner = inputs, .depth = inputs};
            for (size_t b = 0; b < most_blocks; b++) p.starts[b] = b * lanes;
            for (size_t row = start; row < end; row += pixels_together) {
                // The first blocks bring the rows into the second-level cache, the next ones ahead of their turn.
                p.next = x + (row + pixels_together) * inputs;
                p.next_step = block == first && row + pixels_together < pixels ? pixels_together : 0;
                size_t rows = smaller(pixels_together, end - row);
                if (blocks_together == 4 && blocks == 4) pointwise_rows(&p, row, rows, block, bias, residual, y, outputs, kind, 4);
                else if (blocks_together == 4 && blocks == 2) pointwise_rows(&p, row, rows, block, bias, residual, y, outputs, kind, 2);
                else pointwise_rows(&p, row, rows, block, bias, residual, y, outputs, kind, 1);
            }
        }
    }
}
