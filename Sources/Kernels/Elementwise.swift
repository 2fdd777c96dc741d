// Element-wise kernels over whole activations, split over the rank's threads.
internal import CVectorLoops
package import Tensors

/// Element-wise arithmetic. All arrays have `count` elements; a result may stand on an operand.
package struct Elementwise: Sendable {
    let workers: Workers

    package init(_ workers: Workers) { self.workers = workers }

    /// y = f(x).
    package func activate(_ x: Activations, _ y: Activations, _ count: Int, _ kind: Activation?) {
        workers.run(elements: count) { range in
            graft_activate((x + range.lowerBound).base, (y + range.lowerBound).base, range.count, kind.loop, x.format)
        }
    }

    /// y = f(a + b).
    package func add(_ a: Activations, _ b: Activations, _ y: Activations, _ count: Int, _ kind: Activation?) {
        workers.run(elements: count) { range in
            let (first, second, to) = (a + range.lowerBound, b + range.lowerBound, y + range.lowerBound)
            graft_add_activate(first.base, second.base, to.base, range.count, kind.loop, a.format)
        }
    }

    /// dx = (a + b) · f′, where `b` may be missing and `kept` is f's input for SiLU, its output else (unused without f).
    package func combineGradients(
        _ a: Activations, _ b: Activations?, kept: Activations?, _ dx: Activations, _ count: Int, _ kind: Activation?
    ) {
        workers.run(elements: count) { range in
            let start = range.lowerBound
            let (first, second, remembered, to) = (a + start, b.map { $0 + start }, kept.map { $0 + start }, dx + start)
            graft_combine_gradients(first.base, second?.base, remembered?.base, to.base, range.count, kind.loop, a.format)
        }
    }

    /// y = x · factor.
    package func scale(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, by factor: Float) {
        workers.run(elements: count) { graft_scale(x + $0.lowerBound, y + $0.lowerBound, $0.count, factor) }
    }

    /// y[r, :] = scale[r] · x[r, :].
    package func scaleRows(
        _ x: UnsafePointer<Float>, by scale: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, columns: Int
    ) {
        workers.run(rows) { range in
            let start = range.lowerBound * columns
            graft_scale_rows(x + start, scale + range.lowerBound, y + start, range.count, columns)
        }
    }

    /// sums `[columns]` of x `[rows, columns]` over the rows.
    package func sumColumns(_ x: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
        graft_column_sums(x, sums, rows, columns)
    }

    /// Squeeze-excitation's gate: y `[images, pixels, channels]` = x · gate `[images, channels]`.
    package func gate(
        _ x: UnsafePointer<Float>, by gate: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, images: Int, pixels: Int,
        channels: Int
    ) {
        workers.run(images) { range in
            for image in range {
                let start = image * pixels * channels
                graft_gate(x + start, gate + image * channels, y + start, pixels, channels)
            }
        }
    }

    /// The gate's own gradient, `[images, channels]`: Σ over pixels of dy · x.
    package func gateBackward(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ gateGradient: UnsafeMutablePointer<Float>, images: Int,
        pixels: Int,
        channels: Int
    ) {
        workers.run(images) { range in
            for image in range {
                let start = image * pixels * channels
                graft_gate_backward(dy + start, x + start, gateGradient + image * channels, pixels, channels)
            }
        }
    }

    /// `[images, pixels, channels]` to `[images, channels, pixels]`, or back.
    package func transpose(
        _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, images: Int, pixels: Int, channels: Int,
        toChannelsFirst: Bool
    ) {
        let convert = toChannelsFirst ? graft_channels_first : graft_channels_last
        workers.run(images) { range in
            for image in range { convert(x + image * pixels * channels, y + image * pixels * channels, pixels, channels) }
        }
    }

    /// Dropout of one image's elements; the same key gives the same mask, in backward too.
    package func dropout(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, key: UInt64, rate: Float) {
        graft_dropout(x, y, count, key, rate)
    }

    /// Copies `width` columns from column `from` of `x` to column `to` of `y`, row by row: concatenation along the channels, and its
    /// gradient. Both have the same element type.
    package func copyColumns(
        _ x: Activations, from: Int, of sourceChannels: Int, _ y: Activations, to: Int, of destinationChannels: Int, width: Int,
        rows: Int
    ) {
        workers.run(rows) { range in
            for row in range {
                let (source, target) = (x + (row * sourceChannels + from), y + (row * destinationChannels + to))
                target.base.copyMemory(from: source.base, byteCount: width * x.type.byteCount)
            }
        }
    }
    /// y's columns are those of x's groups in turn: the first of each group, then the second, row by row.
    package func shuffleColumns(_ x: Activations, _ y: Activations, groups: Int, columns: Int, rows: Int) {
        switch x.type.byteCount {
        case 1: shuffle(x.base, y.base, of: UInt8.self, groups, columns, rows)
        case 2: shuffle(x.base, y.base, of: UInt16.self, groups, columns, rows)
        default: shuffle(x.base, y.base, of: UInt32.self, groups, columns, rows)
        }
    }

    @inline(__always)
    private func shuffle<Element>(
        _ x: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer, of type: Element.Type, _ groups: Int, _ columns: Int,
        _ rows: Int
    ) {
        let (source, target) = (x.assumingMemoryBound(to: type), y.assumingMemoryBound(to: type))
        let width = columns / groups
        workers.run(rows) { range in
            for row in range {
                for group in 0..<groups {
                    let (from, to) = (source + (row * columns + group * width), target + (row * columns + group))
                    for column in 0..<width { to[column * groups] = from[column] }
                }
            }
        }
    }
}
