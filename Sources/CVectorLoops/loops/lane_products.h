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
// A step takes some input channels: where two threads share a core, each has half of the instructions that the core starts at a time, and
// those that multiply nothing cost a tenth and more. For the same reason only the first rows fetch there: others find what those have fetched.
#if GRAFT_REGISTER_BITS == 512
enum { channels_together = 1, all_rows_fetch = 1 };
#else
enum { channels_together = 4, all_rows_fetch = 0 };
#endif

/// Part of a product: `depth` input channels from `sources` on, for up to four blocks of output channels.
typedef struct {
    const float *sources, *weights;
    float *products;
    /// Floats from one row of sources to the next, of products, and from one block's weights to the next one's.
    size_t inner, outer, block_step, depth, starts[most_blocks];
    /// Sources to fetch meanwhile, so many floats for each input channel; or null.
    const float *next;
    size_t next_step;
    int adds;
    /// Whether these rows are the first that the weights meet.
    int is_first;
} product_part;

/// Adds what C input channels from `k` on bring to the sums of R rows by B blocks.
GRAFT_INLINE void add_channels(graft_lanes sums[][most_blocks], const float *const *sources, const product_part *p, size_t k, int R, int B,
                               int C) {
    GRAFT_UNROLLED for (int c = 0; c < C; c++) {
        graft_lanes weights[most_blocks];
        GRAFT_UNROLLED for (int b = 0; b < B; b++) {
            const float *at = p->weights + (size_t)b * p->block_step + (k + (size_t)c) * lanes;
            graft_load(&weights[b], at, 0, graft_full);
            if (all_rows_fetch) __builtin_prefetch(at + channels_ahead * lanes);
        }
        GRAFT_UNROLLED for (int r = 0; r < R; r++) {
            graft_lanes source = sources[r][k + (size_t)c];
            GRAFT_UNROLLED for (int b = 0; b < B; b++) sums[r][b] += source * weights[b];
        }
    }
}

/// What R rows' sums by B blocks begin with, from `row` on, of which `rows` are there: the last one stands for those that are not.
GRAFT_INLINE void begin_rows(graft_lanes sums[][most_blocks], const product_part *p, size_t row, size_t rows, int R, int B) {
    GRAFT_UNROLLED for (int r = 0; r < R; r++) {
        size_t own = row + smaller((size_t)r, rows - 1);
        GRAFT_UNROLLED for (int b = 0; b < B; b++) {
            sums[r][b] = 0;
            if (p->adds) graft_load(&sums[r][b], p->products + own * p->outer, p->starts[b], graft_full);
        }
    }
}

/// Adds what all of the part's input channels bring.
GRAFT_INLINE void add_rows(graft_lanes sums[][most_blocks], const float *const *sources, const product_part *p, int R, int B) {
    const char *next = (const char *)p->next;
    size_t step = p->next_step * sizeof(float), k = 0;
    for (; k + channels_together <= p->depth; k += channels_together) {
        if (all_rows_fetch && step) __builtin_prefetch(next + k * step);
        if (!all_rows_fetch && p->is_first) {
            for (size_t c = 0; c < channels_together; c++) __builtin_prefetch(p->weights + (k + c + channels_ahead) * lanes);
        }
        add_channels(sums, sources, p, k, R, B, channels_together);
    }
    for (; k < p->depth; k++) add_channels(sums, sources, p, k, R, B, 1);
}

/// Writes the sums of R rows, the last one that is there once more with the same numbers for those that are not.
GRAFT_INLINE void store_rows(const graft_lanes sums[][most_blocks], const product_part *p, size_t row, size_t rows, int R, int B) {
    GRAFT_UNROLLED for (int r = 0; r < R; r++) {
        size_t own = row + smaller((size_t)r, rows - 1);
        GRAFT_UNROLLED for (int b = 0; b < B; b++) graft_store(&sums[r][b], p->products + own * p->outer, p->starts[b], graft_full);
    }
}

/// Where rows stand that follow each other.
GRAFT_INLINE void find_rows(const float **sources, const product_part *p, size_t row, size_t rows, int R) {
    GRAFT_UNROLLED for (int r = 0; r < R; r++) sources[r] = p->sources + (row + smaller((size_t)r, rows - 1)) * p->inner;
}

GRAFT_INLINE void product_rows(const product_part *p, size_t row, size_t rows, int R, int B) {
    const float *sources[most_rows];
    graft_lanes sums[most_rows][most_blocks];
    find_rows(sources, p, row, rows, R);
    begin_rows(sums, p, row, rows, R, B);
    add_rows(sums, sources, p, R, B);
    store_rows(sums, p, row, rows, R, B);
}
