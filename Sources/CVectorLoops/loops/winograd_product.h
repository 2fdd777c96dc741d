// The products between Winograd's transforms. A tile's numbers are sums over the input channels in their order, one chain each, whatever
// tiles are multiplied beside it and whoever does so: libraries round otherwise in the rows that fill no tile of their own, and a
// photograph's results would depend on the others of its batch.
//
// Some rows of sources by some blocks of output channels stay in registers while input channels pass; the weights of a block and
// `depth_at_once` input channels, in one piece of memory, serve all rows from the first-level cache (with AVX-512 the second).

// (The level is told by attributes, which set none of the compiler's own macros.)
#if GRAFT_REGISTER_BITS == 512
enum { rows_at_once = 12, blocks_at_once = 2, depth_at_once = 512 };
#elif GRAFT_REGISTER_BITS == 256
enum { rows_at_once = 6, blocks_at_once = 1, depth_at_once = 256 };
#else
enum { rows_at_once = 3, blocks_at_once = 1, depth_at_once = 256 };
#endif
// Weights are fetched so many input channels ahead: the processors' own prefetching stops at the end of a page. With few tiles a fifth to a half
// faster (512 channels on both sides, 16 tiles: 65 and 88 GFLOP/s with AVX2, 97 and 150 with AVX-512 on a Zen 5).
enum { channels_ahead = 32 };

size_t GRAFT_AT(graft_winograd_parts)(const graft_winograd *s) {
    return s->extent * s->extent * ((block_count(s->out_channels) + 1) / 2);
}

/// Part of a product: `depth` input channels from `sources` on, for up to two blocks of output channels.
typedef struct {
    const float *sources, *weights;
    float *products;
    size_t inner, outer, depth, starts[2];
    int adds;
} product_part;

/// R rows from `row` on by B blocks, of which `rows` are there: the last one stands for those that are not, and is written once more with the
/// same numbers.
GRAFT_INLINE void product_rows(const product_part *p, size_t row, size_t rows, int R, int B) {
    graft_lanes sums[rows_at_once][blocks_at_once];
    const float *sources[rows_at_once];
    float *products[rows_at_once];
    GRAFT_UNROLLED for (int r = 0; r < R; r++) {
        size_t own = row + smaller((size_t)r, rows - 1);
        sources[r] = p->sources + own * p->inner;
        products[r] = p->products + own * p->outer;
        GRAFT_UNROLLED for (int b = 0; b < B; b++) {
            sums[r][b] = 0;
            if (p->adds) graft_load(&sums[r][b], products[r], p->starts[b], graft_full);
        }
    }
    for (size_t k = 0; k < p->depth; k++) {
        graft_lanes weights[blocks_at_once];
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

GRAFT_INLINE void product_of_blocks(const product_part *p, size_t rows, int B) {
    size_t row = 0;
    for (; row + rows_at_once <= rows; row += rows_at_once) product_rows(p, row, rows_at_once, rows_at_once, B);
    size_t left = rows - row;
    if (left > rows_at_once / 3 * 2) product_rows(p, row, left, rows_at_once, B);
    else if (left > rows_at_once / 3) product_rows(p, row, left, rows_at_once / 3 * 2, B);
    else if (left) product_rows(p, row, left, rows_at_once / 3, B);
}

void GRAFT_AT(graft_winograd_products)(const graft_winograd *s, const float *sources, const float *weights, size_t tiles, size_t first,
                                       size_t last, float *products) {
    size_t inner = s->in_channels, blocks = block_count(s->out_channels), pairs = (blocks + 1) / 2;
    for (size_t part = first; part < last; part++) {
        size_t place = part / pairs, start = part % pairs * 2, end = smaller(start + 2, blocks);
        for (size_t block = start; block < end; block += blocks_at_once) {
            product_part p = {.products = products + place * s->out_stride, .inner = inner, .outer = s->out_channels};
            for (size_t b = 0; b < 2; b++) p.starts[b] = block_start(block + b, s->out_channels);
            for (size_t k = 0; k < inner; k += depth_at_once) {
                p.sources = sources + place * s->in_stride + k;
                p.weights = weights + place * s->weight_stride + (block * inner + k) * lanes;
                p.depth = smaller(depth_at_once, inner - k);
                p.adds = k > 0;
                if (block + blocks_at_once <= end) product_of_blocks(&p, tiles, blocks_at_once);
                else product_of_blocks(&p, tiles, 1);
            }
        }
    }
}
