// Products of rows by packed weights, sixteen output channels a block: of Winograd's tiles and of pointwise convolutions. A row's numbers are
// sums over the input channels in their order, one chain each, whatever rows are multiplied beside it and whoever does so: libraries round
// otherwise in the rows that fill no tile of their own, and a photograph's results would depend on the others of its batch.
//
// Some rows of sources by some blocks of output channels stay in registers while input channels pass; the weights of a block stand in one
// piece of memory and serve all rows from the caches.
#pragma once

// As many rows and blocks as any of the loops takes at once.
enum { most_rows = 12, most_blocks = 4 };
// Weights are fetched so many input channels ahead: the processors' own prefetching stops at the end of a page. With few tiles a fifth to a half
// faster (512 channels on both sides, 16 tiles: 65 and 88 GFLOP/s with AVX2, 97 and 150 with AVX-512 on a Zen 5).
enum { channels_ahead = 32 };

/// Part of a product: `depth` input channels from `sources` on, for up to four blocks of output channels.
typedef struct {
    const float *sources, *weights;
    float *products;
    size_t inner, outer, depth, starts[most_blocks];
    /// Sources to fetch meanwhile, so many floats for each input channel; or null.
    const float *next;
    size_t next_step;
    int adds;
} product_part;

/// R rows from `row` on by B blocks, of which `rows` are there: the last one stands for those that are not, and is written once more with the
/// same numbers.
GRAFT_INLINE void product_rows(const product_part *p, size_t row, size_t rows, int R, int B) {
    graft_lanes sums[most_rows][most_blocks];
    const float *sources[most_rows];
    float *products[most_rows];
    GRAFT_UNROLLED for (int r = 0; r < R; r++) {
        size_t own = row + smaller((size_t)r, rows - 1);
        sources[r] = p->sources + own * p->inner;
        products[r] = p->products + own * p->outer;
        GRAFT_UNROLLED for (int b = 0; b < B; b++) {
            sums[r][b] = 0;
            if (p->adds) graft_load(&sums[r][b], products[r], p->starts[b], graft_full);
        }
    }
    const char *next = (const char *)p->next;
    size_t step = p->next_step * sizeof(float);
    for (size_t k = 0; k < p->depth; k++) {
        if (step) __builtin_prefetch(next + k * step);
        graft_lanes weights[most_blocks];
        GRAFT_UNROLLED for (int b = 0; b < B; b++) {
            const float *at = p->weights + ((size_t)b * p->inner + k) * lanes;
            graft_load(&weights[b], at, 0, graft_full);
            __builtin_prefetch(at + channels_ahead * lanes);
        }
        GRAFT_UNROLLED for (int r = 0; r < R; r++) {
            graft_lanes source = sources[r][k];
            GRAFT_UNROLLED for (int b = 0; b < B; b++) sums[r][b] += source * weights[b];
        }
    }
    GRAFT_UNROLLED for (int r = 0; r < R; r++)
        GRAFT_UNROLLED for (int b = 0; b < B; b++) graft_store(&sums[r][b], products[r], p->starts[b], graft_full);
}
