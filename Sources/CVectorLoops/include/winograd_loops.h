// The transforms of Winograd's convolutions (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). Between the
// transforms stand products of matrices, one for each place in a tile:
//
//   tile   window   results   multiplications, of as many directly   points of Toom and Cook's scheme
//   6×6    3×3      4×4       36 of 144                              0, ±√½, ±√2, ∞
//   6×6    5×5      2×2       36 of 100                              0, ±√½, ±√2, ∞
//   4×4    3×3      2×2       16 of 36                               0, ±1, ∞
//
// The points of the large tiles lose fewer digits than Lavin and Gray's integers; the small tiles lose none to speak of. Calls are
// single-threaded, allocate nothing and cannot fail; threads share out tiles.

/// Tiles of one image.
GRAFT_LOOP(size_t, graft_winograd_tiles,
           (const graft_winograd *shape),
           (shape))
/// Transforms plain weights [out_channels][in_channels][kernel][kernel], each output channel times its scale (null: 1), to
/// [places][blocks][in_channels][lanes], for the output channels first ..< last: all of them, or whole blocks of lanes.
GRAFT_LOOP(void, graft_winograd_weights,
           (const graft_winograd *shape, const float *weights, const float *scale, size_t first, size_t last, float *transformed),
           (shape, weights, scale, first, last, transformed))
/// The same for the gradient of a source, which is a convolution with turned weights: plain ones are [in_channels][out_channels][…], with
/// one scale an input channel, of which first ..< last are transformed.
GRAFT_LOOP(void, graft_winograd_turned_weights,
           (const graft_winograd *shape, const float *weights, const float *scale, size_t first, size_t last, float *transformed),
           (shape, weights, scale, first, last, transformed))
/// The gradient of plain weights from that of transformed ones, [places][in_channels][out_channels], for the output channels first ..< last
/// as above.
GRAFT_LOOP(void, graft_winograd_weight_gradient,
           (const graft_winograd *shape, const float *transformed, size_t first, size_t last, float *gradient),
           (shape, transformed, first, last, gradient))
/// Transforms the source of tiles first ..< last: [places][in_stride], the first tile's channels first.
GRAFT_LOOP(void, graft_winograd_source,
           (const graft_winograd *shape, const void *x, size_t first, size_t last, float *transformed),
           (shape, x, first, last, transformed))
/// Pieces that products are shared out in.
GRAFT_LOOP(size_t, graft_winograd_parts, (const graft_winograd *shape), (shape))
/// The pieces first ..< last of the products of transformed sources, of so many tiles, by transformed weights: [places][out_stride].
GRAFT_LOOP(void, graft_winograd_products,
           (const graft_winograd *shape, const float *sources, const float *weights, size_t tiles, size_t first, size_t last,
            float *products),
           (shape, sources, weights, tiles, first, last, products))
/// The destination of tiles first ..< last of products [places][out_stride]: y = f(product + bias + residual). `bias` and `residual` may
/// be null; the residual may lie where the result goes.
GRAFT_LOOP(void, graft_winograd_destination,
           (const graft_winograd *shape, const float *products, const float *bias, const void *residual, void *y, size_t first,
            size_t last, graft_loop_activation kind),
           (shape, products, bias, residual, y, first, last, kind))
/// The gradient of the products of tiles first ..< last, [places][out_stride], from that of the destination, float32.
GRAFT_LOOP(void, graft_winograd_destination_gradient,
           (const graft_winograd *shape, const float *dy, size_t first, size_t last, float *transformed),
           (shape, dy, first, last, transformed))
