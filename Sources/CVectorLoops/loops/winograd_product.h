// The products between Winograd's transforms.

// (The level is told by attributes, which set none of the compiler's own macros.)
#if GRAFT_REGISTER_BITS == 512
enum { rows_at_once = 12, blocks_at_once = 2, depth_at_once = 512 };
#elif GRAFT_REGISTER_BITS == 256
enum { rows_at_once = 6, blocks_at_once = 1, depth_at_once = 256 };
#else
enum { rows_at_once = 3, blocks_at_once = 1, depth_at_once = 256 };
#endif
size_t GRAFT_AT(graft_winograd_parts)(const graft_winograd *s) {
    return s->extent * s->extent * ((block_count(s->out_channels) + 1) / 2);
}

GRAFT_INLINE void product_of_blocks(product_part *p, size_t rows, int B) {
    size_t row = 0;
    p->is_first = 1;
    for (; row + rows_at_once <= rows; row += rows_at_once, p->is_first = 0) product_rows(p, row, rows_at_once, rows_at_once, B);
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
            product_part p = {.products = products + place * s->out_stride, .inner = inner, .outer = s->out_channels,
                              .block_step = inner * lanes};
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
