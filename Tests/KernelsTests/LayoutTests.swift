// Kernels that move, mask or weigh activations without summing them over space.
import Kernels
import TestSupport
import Tensors
import Testing

@Suite struct LayoutTests {
    /// Images, pixels and channels.
    static let shapes = [(1, 1, 3), (2, 35, 17), (5, 9, 64)]

    @Test(arguments: shapes, workerCounts) func aGateWeighsChannels(_ shape: (Int, Int, Int), workers: Int) {
        let (images, pixels, channels) = shape
        var numbers = Numbers(seed: channels)
        let (x, gate) = (numbers.list(images * pixels * channels), numbers.list(images * channels, 0, 1))
        let dy = numbers.list(x.count)
        func reference(_ x: [Float], _ gate: [Float]) -> [Float] {
            x.indices.map { x[$0] * gate[$0 / (pixels * channels) * channels + $0 % channels] }
        }
        let (source, weight, gradient) = (Floats(x), Floats(gate), Floats(dy))
        let (y, dx, dGate) = (Floats(zeros: x.count), Floats(zeros: x.count), Floats(zeros: gate.count))
        let elementwise = Elementwise(Workers(count: workers))
        elementwise.gate(source.pointer, by: weight.pointer, y.pointer, images: images, pixels: pixels, channels: channels)
        elementwise.gate(gradient.pointer, by: weight.pointer, dx.pointer, images: images, pixels: pixels, channels: channels)
        elementwise.gateBackward(
            gradient.pointer, source.pointer, dGate.pointer, images: images, pixels: pixels, channels: channels)
        #expect(y.values == reference(x, gate))
        #expect(gradientError(dx.values, at: x) { dot(reference($0, gate), dy) } < 1e-3)
        #expect(gradientError(dGate.values, at: gate) { dot(reference(x, $0), dy) } < 1e-3)
    }

    @Test(arguments: shapes, workerCounts) func transposingIsItsOwnInverse(_ shape: (Int, Int, Int), workers: Int) {
        let (images, pixels, channels) = shape
        var numbers = Numbers(seed: pixels)
        let x = Floats(numbers.list(images * pixels * channels))
        let (first, back) = (Floats(zeros: x.values.count), Floats(zeros: x.values.count))
        let elementwise = Elementwise(Workers(count: workers))
        elementwise.transpose(
            x.pointer, first.pointer, images: images, pixels: pixels, channels: channels, toChannelsFirst: true)
        elementwise.transpose(
            first.pointer, back.pointer, images: images, pixels: pixels, channels: channels, toChannelsFirst: false)
        for index in x.values.indices {
            let (image, pixel, channel) = (index / channels / pixels, index / channels % pixels, index % channels)
            #expect(first.values[(image * channels + channel) * pixels + pixel] == x.values[index])
        }
        #expect(back.values == x.values)
    }

    /// The same key gives the same mask, forward and backward; what stays is scaled so that the mean does.
    @Test(arguments: [(1, Float(0.5)), (33, 0.2), (20011, 0.2), (20011, 0.5)]) func dropoutKeepsTheMean(_ count: Int, rate: Float)
    {
        var numbers = Numbers(seed: count)
        let x = Floats(numbers.list(count, 1, 2))
        let (y, again, other) = (Floats(zeros: count), Floats(zeros: count), Floats(zeros: count))
        let elementwise = Elementwise(Workers(count: 1))
        elementwise.dropout(x.pointer, y.pointer, count, key: 9, rate: rate)
        elementwise.dropout(x.pointer, again.pointer, count, key: 9, rate: rate)
        elementwise.dropout(x.pointer, other.pointer, count, key: 10, rate: rate)
        #expect(y.values == again.values)
        for (value, source) in zip(y.values, x.values) { #expect(value == 0 || abs(value - source / (1 - rate)) < 1e-6) }
        guard count > 1000 else { return }
        #expect(y.values != other.values)
        let dropped = Double(y.values.count { $0 == 0 }) / Double(count)
        #expect(abs(dropped - Double(rate)) < 0.01)
    }

    /// Concatenation along the channels, and its gradient.
    @Test(arguments: workerCounts, [ElementType.float32, .bfloat16]) func columnsLandWhereTheyBelong(
        workers: Int, type: ElementType
    ) {
        let (rows, widths) = (37, [3, 17, 1])
        let total = widths.reduce(0, +)
        let elementwise = Elementwise(Workers(count: workers))
        let whole = AlignedBuffer(byteCount: rows * total * type.byteCount)
        let target = Activations(whole.base, type)
        var parts: [[UInt8]] = []
        for (index, width) in widths.enumerated() {
            let bytes = (0..<rows * width * type.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
            let part = AlignedBuffer(byteCount: bytes.count)
            part.base.copyMemory(from: bytes, byteCount: bytes.count)
            let start = widths[..<index].reduce(0, +)
            elementwise.copyColumns(
                Activations(part.base, type), from: 0, of: width, target, to: start, of: total, width: width, rows: rows)
            parts.append(bytes)
        }
        for (index, width) in widths.enumerated() {
            let part = AlignedBuffer(byteCount: parts[index].count)
            let start = widths[..<index].reduce(0, +)
            elementwise.copyColumns(
                target, from: start, of: total, Activations(part.base, type), to: 0, of: width, width: width, rows: rows)
            #expect(Array(UnsafeRawBufferPointer(start: part.base, count: parts[index].count)) == parts[index])
        }
    }

    /// To the nearest, ties to even; NaN stays NaN, and infinities stay.
    @Test func bfloat16RoundsAsIEEEDoes() {
        let cases: [(UInt32, UInt16)] = [
            (0x3F80_0000, 0x3F80), (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82), (0x3F80_8001, 0x3F81), (0x3F80_7FFF, 0x3F80),
            (0xBF81_8000, 0xBF82), (0x7F80_0000, 0x7F80), (0xFF80_0000, 0xFF80), (0x7F7F_FFFF, 0x7F80), (0x0000_0000, 0),
            (0x8000_0000, 0x8000), (0x0001_8000, 0x0002), (0x0000_0001, 0),
        ]
        // Repeated, so that whole registers and the rest behind them meet each case.
        let values = (0..<3).flatMap { _ in cases.map { Float(bitPattern: $0.0) } } + [.nan, Float(bitPattern: 0x7F80_0001)]
        let narrow = AlignedBuffer(byteCount: values.count * 2)
        let (source, back) = (Floats(values), Floats(zeros: values.count))
        let elementwise = Elementwise(Workers(count: 1))
        elementwise.convert(source.activations, Activations(narrow.base, .bfloat16), values.count)
        elementwise.convert(Activations(narrow.base, .bfloat16), back.activations, values.count)
        for index in values.indices.dropLast(2) {
            let found = narrow.base.assumingMemoryBound(to: UInt16.self)[index]
            #expect(found == cases[index % cases.count].1, "\(values[index])")
            #expect(back.values[index].bitPattern == UInt32(found) << 16)
        }
        #expect(back.values.suffix(2).allSatisfy { $0.isNaN })
    }
}
