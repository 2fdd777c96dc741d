// Convolutions of stride 1 by Winograd's algorithm: tiles of activations and weights are transformed, so that products of matrices need a
// quarter to half of the multiplications. The loops are our own; the products for gradients of weights, which are sums over tiles, are
// oneDNN's.
internal import CVectorLoops
package import Tensors

/// One convolution, or one of its gradients, over tiles of the whole batch. Results differ from a direct convolution's by rounding alone:
/// tiles of 4×4 by as much as two direct ones differ from each other, tiles of 6×6 by some times more (WinogradTests).
package final class WinogradConvolution {
    package enum Pass: Sendable, Hashable { case forward, backwardData, backwardWeights }

    /// Pixels of a tile's side.
    package enum Tile: Int, Sendable, Hashable {
        case small = 4
        case large = 6
    }

    private let pass: Pass
    private let images: Int
    private let shape: graft_winograd
    private let workers: Workers
    package let tile: Tile
    /// Matrices that a tile's numbers are spread over.
    private let places: Int
    /// Tiles of all images, and how many are transformed and multiplied at once.
    private let tiles, tilesAtOnce: Int
    /// The products for the gradient of weights: of the first tiles, and of those after them, which are added.
    private let product, addition: OneDNNKernel?
    private var room: UnsafeMutablePointer<Float>?

    // Floats between matrices: room for a block of channels that goes on beyond the last, and it keeps addresses from differing by powers of
    // two, which would share few places in the caches.
    private static let gap = 16
    // What is transformed at once goes through the second- and third-level caches. On a processor with 1 MB and 32 MB, from 2 to 8 MB made
    // less than 5 % of difference.
    private static let bytesAtOnce = 4 << 20
    // Transformed weights above the first number of bytes come from memory for every lot of tiles, which must be worth it.
    private static let (largeWeightBytes, tilesForLargeWeights) = (16 << 20, 256)

    // What is left of the gain where tiles hang over the edges of small images must be worth the transforms.
    private static let leastGain = 1.5
    // The products are float32, whatever activations are: processors that multiply bfloat16 natively are twice as fast directly. On such a
    // one layers from 96 channels that save two of three multiplications gained 5 to 50 %, others lost.
    private static let (leastGainOfHalf, leastChannelsOfHalf) = (3.0, 96)

    /// The tiles by which this algorithm does a convolution faster than oneDNN does it directly; nil where it does not.
    package static func tile(
        _ geometry: WindowGeometry, source: ElementType, destination: ElementType, largest: Tile
    ) -> Tile? {
        guard geometry.groups == 1, geometry.stride == 1, geometry.kernelHeight == geometry.kernelWidth,
            source == destination, source == .float32 || source == .bfloat16,
            min(geometry.source[2], geometry.destination[2]) >= Int(graft_lane_count), geometry.padTop < geometry.kernelHeight,
            geometry.padLeft < geometry.kernelWidth
        else { return nil }
        let tiles: [Tile] =
            switch geometry.kernelHeight {
            case 3: largest == .large ? [.large, .small] : [.small]
            case 5: largest == .large ? [.large] : []
            default: []
            }
        let best = tiles.min { multiplications(geometry, $0) < multiplications(geometry, $1) }
        let direct = geometry.destination[0] * geometry.destination[1] * geometry.kernelHeight * geometry.kernelWidth
        return best.flatMap { tile in
            let gain = Double(direct) / Double(multiplications(geometry, tile))
            let channels = min(geometry.source[2], geometry.destination[2])
            return (source == .float32 ? gain >= leastGain : gain >= leastGainOfHalf && channels >= leastChannelsOfHalf)
                ? tile : nil
        }
    }

    /// Of one image and one pair of channels.
    private static func multiplications(_ geometry: WindowGeometry, _ tile: Tile) -> Int {
        let side = tile.rawValue + 1 - geometry.kernelHeight
        let tiles = ((geometry.destination[0] + side - 1) / side) * ((geometry.destination[1] + side - 1) / side)
        return tiles * tile.rawValue * tile.rawValue
    }

    /// - Parameter geometry: the convolution's, whichever pass it is.
    package init(
        _ pass: Pass, _ geometry: WindowGeometry, _ tile: Tile, type: ElementType, _ engine: OneDNNEngine, _ workers: Workers
    ) throws {
        self.pass = pass
        self.tile = tile
        self.workers = workers
        images = geometry.images
        var shape = Self.shape(pass == .backwardData ? geometry.transposed : geometry, tile)
        shape.format = type == .bfloat16 ? graft_half : graft_full
        let places = tile.rawValue * tile.rawValue
        self.places = places
        let (inputs, outputs) = (shape.in_channels, shape.out_channels)
        tiles = images * withUnsafePointer(to: shape) { graft_winograd_tiles($0) }
        let large = inputs * outputs * places * MemoryLayout<Float>.stride > Self.largeWeightBytes
        let tileBytes = places * (inputs + outputs) * MemoryLayout<Float>.stride
        let most = max(large ? Self.tilesForLargeWeights : 1, Self.bytesAtOnce / tileBytes)
        let lots = (tiles + most - 1) / most
        tilesAtOnce = (tiles + lots - 1) / lots
        shape.in_stride = tilesAtOnce * inputs + Self.gap
        shape.out_stride = tilesAtOnce * outputs + Self.gap
        let lanes = Int(graft_lane_count)
        shape.weight_stride =
            inputs * (pass == .backwardWeights ? outputs : (outputs + lanes - 1) / lanes * lanes) + Self.gap
        self.shape = shape
        guard pass == .backwardWeights else {
            (product, addition) = (nil, nil)
            return
        }
        var wanted = Self.gradientProduct(shape, tiles: tilesAtOnce)
        product = try OneDNNKernel.product(engine, wanted)
        wanted.adds = true
        addition = lots > 1 ? try OneDNNKernel.product(engine, wanted) : nil
    }

    /// Sources, turned over, · gradients, `[inputs, tiles] · [tiles, outputs]`, at every place.
    private static func gradientProduct(_ shape: graft_winograd, tiles: Int) -> MatrixProduct {
        var product = MatrixProduct(rows: shape.in_channels, inner: tiles, columns: shape.out_channels)
        product.count = shape.extent * shape.extent
        product.leftIsTransposed = true
        product.leftStride = shape.in_stride
        product.rightStride = shape.out_stride
        product.resultStride = shape.weight_stride
        return product
    }

    private static func shape(_ geometry: WindowGeometry, _ tile: Tile) -> graft_winograd {
        graft_winograd(
            extent: tile.rawValue, in_channels: geometry.source[2], in_height: geometry.source[0], in_width: geometry.source[1],
            out_channels: geometry.destination[2], out_height: geometry.destination[0], out_width: geometry.destination[1],
            kernel: geometry.kernelHeight, pad_top: geometry.padTop, pad_left: geometry.padLeft, in_stride: 0, out_stride: 0,
            weight_stride: 0, format: graft_full)
    }

    /// Floats of transformed weights: of a 3×3 window, four times the plain ones or nearly twice.
    package var weightCount: Int { places * shape.weight_stride }

    /// Bytes that `room` has to have: for the tiles at once on both sides, and for oneDNN. Nothing in it outlives a run.
    package var roomBytes: Int {
        let scratch = [product, addition].compactMap { $0?.byteCount(of: .scratchpad) }.max() ?? 0
        return (sourceCount + destinationCount) * MemoryLayout<Float>.stride + scratch
    }

    // Multiples of 16 floats, so that what follows is aligned.
    private var sourceCount: Int { (places * shape.in_stride + 15) / 16 * 16 }
    private var destinationCount: Int { (places * shape.out_stride + 15) / 16 * 16 }

    /// Gives the kernel its room, which it may share with others that do not run at the same time.
    package func bind(room: UnsafeMutableRawPointer) {
        let floats = room.assumingMemoryBound(to: Float.self)
        self.room = floats
        for kernel in [product, addition].compactMap({ $0 }) {
            kernel.bind(.scratchpad, floats + sourceCount + destinationCount)
            kernel.bind(.left, floats)
            kernel.bind(.right, floats + sourceCount)
        }
    }

    /// With oneDNN's name for the code that multiplies, where it does.
    package var implementation: String { ["winograd", product?.implementation].compactMap { $0 }.joined(separator: " ") }

    /// Transforms plain `[O, I, k, k]` weights, each output channel times its scale, for this pass.
    package func transform(
        _ weights: UnsafePointer<Float>, scale: UnsafePointer<Float>?, _ transformed: UnsafeMutablePointer<Float>
    ) {
        let turned = pass == .backwardData
        share(turned ? shape.in_channels : shape.out_channels) { first, last in
            withUnsafePointer(to: shape) {
                turned
                    ? graft_winograd_turned_weights($0, weights, scale, first, last, transformed)
                    : graft_winograd_weights($0, weights, scale, first, last, transformed)
            }
        }
    }

    /// y = f(x ∗ weights + bias + residual) of transformed weights; the residual may lie where the result goes. To the data, x is
    /// the gradient that comes in and y the one that goes out.
    package func run(
        _ x: UnsafeRawPointer, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
        residual: UnsafeRawPointer?,
        _ y: UnsafeMutableRawPointer, _ activation: Activation?
    ) {
        let parts = withUnsafePointer(to: shape) { graft_winograd_parts($0) }
        eachLot { first, last, sources, products in
            transformSources(x, first, last, sources)
            workers.run(parts) { range in
                withUnsafePointer(to: shape) {
                    graft_winograd_products(
                        $0, sources, weights, last - first, range.lowerBound, range.upperBound, products)
                }
            }
            shareTiles(first, last) { start, end in
                withUnsafePointer(to: shape) {
                    graft_winograd_destination(
                        $0, products + (start - first) * shape.out_channels, bias, residual, y, start, end, activation.loop)
                }
            }
        }
    }

    /// The gradient of plain weights from float32 activations, by way of `weightCount` floats for that of transformed ones.
    package func backwardWeights(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, transformed: UnsafeMutablePointer<Float>,
        _ gradient: UnsafeMutablePointer<Float>
    ) {
        eachLot { first, last, sources, products in
            transformSources(x, first, last, sources)
            shareTiles(first, last) { start, end in
                withUnsafePointer(to: shape) {
                    graft_winograd_destination_gradient($0, dy, start, end, products + (start - first) * shape.out_channels)
                }
            }
            clearMissing(last - first, sources, products)
            guard let kernel = first == 0 ? product : addition else {
                preconditionFailure("not a kernel for gradients of weights")
            }
            kernel.bind(.result, transformed)
            kernel.run()
        }
        share(shape.out_channels) { first, last in
            withUnsafePointer(to: shape) { graft_winograd_weight_gradient($0, transformed, first, last, gradient) }
        }
    }

    /// The gradient of a bias: the sum of float32 dy over all pixels.
    package func backwardBias(_ dy: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>) {
        graft_column_sums(dy, gradient, images * shape.out_height * shape.out_width, shape.out_channels)
    }

    /// Calls `body` for the tiles first ..< last of every lot, with the rooms for what is transformed.
    private func eachLot(
        _ body: (_ first: Int, _ last: Int, _ sources: UnsafeMutablePointer<Float>, _ products: UnsafeMutablePointer<Float>) ->
            Void
    ) {
        guard let room else { preconditionFailure("a convolution without its room") }
        for first in stride(from: 0, to: tiles, by: tilesAtOnce) {
            body(first, min(first + tilesAtOnce, tiles), room, room + sourceCount)
        }
    }

    private func transformSources(_ x: UnsafeRawPointer, _ first: Int, _ last: Int, _ sources: UnsafeMutablePointer<Float>) {
        shareTiles(first, last) { start, end in
            withUnsafePointer(to: shape) {
                graft_winograd_source($0, x, start, end, sources + (start - first) * shape.in_channels)
            }
        }
    }

    /// The last lot may be smaller, and sums over tiles would count those that are not there.
    private func clearMissing(_ count: Int, _ sources: UnsafeMutablePointer<Float>, _ products: UnsafeMutablePointer<Float>) {
        guard count < tilesAtOnce else { return }
        for place in 0..<places {
            (sources + place * shape.in_stride + count * shape.in_channels)
                .update(repeating: 0, count: (tilesAtOnce - count) * shape.in_channels)
            (products + place * shape.out_stride + count * shape.out_channels)
                .update(repeating: 0, count: (tilesAtOnce - count) * shape.out_channels)
        }
    }

    private func shareTiles(_ first: Int, _ last: Int, _ body: (Int, Int) -> Void) {
        workers.run(last - first) { body(first + $0.lowerBound, first + $0.upperBound) }
    }

    /// Shares out channels in whole blocks of lanes.
    private func share(_ channels: Int, _ body: (Int, Int) -> Void) {
        let lanes = Int(graft_lane_count)
        workers.run((channels + lanes - 1) / lanes) { body($0.lowerBound * lanes, min($0.upperBound * lanes, channels)) }
    }
}

extension WindowGeometry {
    /// The convolution that makes a source's gradient from the destination's: with turned weights, of stride 1 as this one.
    fileprivate var transposed: WindowGeometry {
        WindowGeometry(
            images: images, source: destination, destination: source, kernelHeight: kernelHeight, kernelWidth: kernelWidth,
            stride: 1,
            padTop: kernelHeight - 1 - padTop, padLeft: kernelWidth - 1 - padLeft)
    }
}
