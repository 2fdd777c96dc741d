// 8-bit convolutions equal sums over integers, and the loops around them round as they say.
import Kernels
import TestSupport
import Tensors
import Testing

/// One 8-bit convolution.
struct QuantizedCase: CustomTestStringConvertible, Sendable {
    var side = 9
    var inputs = 32
    var outputs = 48
    var kernel = 3
    var stride = 1
    var groups = 1
    var source = ElementType.uint8
    var destination = ElementType.uint8
    var residual: ElementType?
    var activation: Activation?

    var testDescription: String {
        "\(inputs)→\(outputs) of \(side)², \(kernel)×\(kernel) /\(stride) in \(groups) groups, \(source)→\(destination), "
            + "residual \(residual?.rawValue ?? "none"), \(activation?.rawValue ?? "no activation")"
    }
    static let images = 2
    var padding: Int { kernel / 2 }
    var outputSide: Int { (side + 2 * padding - kernel) / stride + 1 }
    var geometry: WindowGeometry {
        WindowGeometry(
            images: Self.images, source: [side, side, inputs], destination: [outputSide, outputSide, outputs],
            kernelHeight: kernel,
            kernelWidth: kernel, stride: stride, padTop: padding, padLeft: padding, groups: groups)
    }

    static let all: [QuantizedCase] = {
        var cases: [QuantizedCase] = []
        for source in [ElementType.uint8, .int8] {
            for destination in [ElementType.uint8, .int8, .float32] {
                for residual in [nil, destination == .float32 ? .float32 : .uint8, destination == .float32 ? nil : .int8]
                    as [ElementType?]
                {
                    for activation in [nil as Activation?, .relu, .relu6] {
                        cases.append(
                            QuantizedCase(source: source, destination: destination, residual: residual, activation: activation))
                    }
                }
            }
        }
        // The first layer of a network, 1×1 with strides, groups, channels that fill no register.
        cases.append(QuantizedCase(side: 19, inputs: 3, outputs: 64, kernel: 7, stride: 2, source: .int8, activation: .relu))
        cases.append(QuantizedCase(inputs: 64, outputs: 256, kernel: 1, residual: .int8, activation: .relu))
        cases.append(QuantizedCase(inputs: 64, outputs: 24, kernel: 1, stride: 2, destination: .int8))
        cases.append(QuantizedCase(inputs: 48, outputs: 64, kernel: 5, groups: 2, activation: .relu))
        cases.append(QuantizedCase(side: 5, inputs: 24, outputs: 144, kernel: 1, source: .int8, activation: .relu6))
        return cases
    }()
}

@Suite(.enabled(if: processorMultipliesBytes, Comment(rawValue: needsBytes))) struct QuantizedConvolutionTests {
    private static let (sourceStep, destinationStep, residualStep): (Float, Float, Float) = (0.02, 0.05, 0.03)

    @Test(arguments: QuantizedCase.all)
    func sumsAreThoseOfIntegers(_ test: QuantizedCase) throws {
        var numbers = Numbers(seed: 5)
        let geometry = test.geometry
        let source = numbers.list(
            QuantizedCase.images * geometry.source.count, test.source == .uint8 ? 0 : -127, test.source == .uint8 ? 255 : 127
        )
        .map { $0.rounded() }
        let perChannel = test.inputs / test.groups * test.kernel * test.kernel
        let weights = QuantizedWeights(numbers.list(test.outputs * perChannel), channels: test.outputs, count: perChannel)
        let bias = numbers.list(test.outputs)
        let count = QuantizedCase.images * geometry.destination.count
        let residual = numbers.list(count, test.residual == .uint8 ? 0 : -127, 127).map { $0.rounded() }
        let isFloat = test.destination == .float32
        let steps = ConvolutionSteps(
            source: Self.sourceStep, weights: weights.steps, destination: isFloat ? 1 : Self.destinationStep,
            residualType: test.residual ?? .float32, residual: isFloat ? 1 : Self.residualStep)
        let result = try run(test, source, weights, bias, residual, steps)
        let expected = reference(test, source, weights, bias, residual, steps)
        let (low, high): (Double, Double) = test.destination == .uint8 ? (0, 255) : (-128, 127)
        for index in 0..<count {
            let exact = isFloat ? expected[index] : min(max(expected[index] / Double(Self.destinationStep), low), high)
            // Rounding may go either way where float32 arithmetic is not exact.
            let tolerance = isFloat ? 1e-4 * max(1, abs(exact)) : 0.501
            #expect(abs(Double(result[index]) - exact) <= tolerance, "\(index): \(result[index]), \(exact)")
            if abs(Double(result[index]) - exact) > tolerance { return }
        }
    }

    private func run(
        _ test: QuantizedCase, _ source: [Float], _ weights: QuantizedWeights, _ bias: [Float], _ residual: [Float],
        _ steps: ConvolutionSteps
    ) throws -> [Float] {
        let engine = try OneDNNEngine(threads: 1)
        let kernel = try OneDNNKernel.quantizedConvolution(
            engine, test.geometry, source: test.source, destination: test.destination, steps, addsResidual: test.residual != nil,
            activation: test.activation)
        let packing = try kernel.weightPacking(test.geometry, from: .int8)
        let packed = AlignedBuffer(byteCount: kernel.byteCount(of: .weights))
        let scratch = AlignedBuffer(byteCount: max(kernel.byteCount(of: .scratchpad), packing.byteCount(of: .scratchpad)))
        let plain = bytes(weights.integers.map(Float.init), .int8)
        for (role, address) in [(KernelRole.source, plain.base), (.destination, packed.base), (.scratchpad, scratch.base)] {
            packing.bind(role, address)
        }
        packing.run()
        let (x, y) = (bytes(source, test.source), bytes(residual, test.residual ?? .float32))
        let scaled = steps.bias(bias)
        let roles: [(KernelRole, UnsafeMutableRawPointer)] = [
            (.source, x.base), (.weights, packed.base), (.bias, scaled.base), (.destination, y.base), (.scratchpad, scratch.base),
        ]
        for (role, address) in roles { kernel.bind(role, address) }
        kernel.run()
        let count = QuantizedCase.images * test.geometry.destination.count
        return withExtendedLifetime((x, scaled, packed, scratch)) { (0..<count).map { element(y, $0, test.destination) } }
    }

    private func bytes(_ values: [Float], _ type: ElementType) -> AlignedBuffer {
        let buffer = AlignedBuffer(byteCount: values.count * 4)
        for (index, value) in values.enumerated() {
            switch type {
            case .uint8: buffer.base.storeBytes(of: UInt8(value), toByteOffset: index, as: UInt8.self)
            case .int8: buffer.base.storeBytes(of: Int8(value), toByteOffset: index, as: Int8.self)
            default: buffer.floats[index] = value
            }
        }
        return buffer
    }

    private func element(_ buffer: AlignedBuffer, _ index: Int, _ type: ElementType) -> Float {
        switch type {
        case .uint8: Float(buffer.base.load(fromByteOffset: index, as: UInt8.self))
        case .int8: Float(buffer.base.load(fromByteOffset: index, as: Int8.self))
        default: buffer.floats[index]
        }
    }

    /// In units of one, not of the destination's step.
    private func reference(
        _ test: QuantizedCase, _ source: [Float], _ weights: QuantizedWeights, _ bias: [Float], _ residual: [Float],
        _ steps: ConvolutionSteps
    ) -> [Double] {
        let (side, out, depth) = (test.side, test.outputSide, test.inputs / test.groups)
        var result: [Double] = []
        for pixel in 0..<QuantizedCase.images * out * out {
            let (image, row, column) = (pixel / (out * out), pixel / out % out, pixel % out)
            for channel in 0..<test.outputs {
                var sum = 0
                let firstInput = channel / (test.outputs / test.groups) * depth
                for tap in 0..<test.kernel * test.kernel {
                    let y = row * test.stride + tap / test.kernel - test.padding
                    let x = column * test.stride + tap % test.kernel - test.padding
                    guard (0..<side).contains(y), (0..<side).contains(x) else { continue }
                    let start = ((image * side + y) * side + x) * test.inputs + firstInput
                    for input in 0..<depth {
                        let weight = weights.integers[(channel * depth + input) * test.kernel * test.kernel + tap]
                        sum += Int(source[start + input]) * Int(weight)
                    }
                }
                var value = Double(sum) * Double(steps.source) * Double(steps.weights[channel]) + Double(bias[channel])
                if test.residual != nil { value += Double(residual[result.count]) * Double(steps.residual) }
                result.append(test.activation.reference(value))
            }
        }
        return result
    }
}

@Suite struct QuantizedLoopTests {
    @Test func conversionsRoundToNearestAndStayWithinTheType() {
        let x: [Float] = [-300, -1.26, -0.25, -0.24, 0, 0.1, 0.25, 0.75, 1.24, 63.5, 64, 127.4, 300, 1e30]
        let elementwise = Elementwise(Workers(count: 2))
        func roundTrip(_ type: ElementType) -> [Float] {
            let (from, bytes, back) = (AlignedBuffer(floatCount: 14), AlignedBuffer(byteCount: 14), AlignedBuffer(floatCount: 14))
            _ = from.floats.update(fromContentsOf: x)
            let narrow = Activations(bytes.base, type, step: 0.5)
            elementwise.convert(Activations(from.base, .float32), narrow, 14)
            elementwise.convert(narrow, Activations(back.base, .float32), 14)
            return Array(back.floats)
        }
        #expect(roundTrip(.uint8) == [0, 0, 0, 0, 0, 0, 0, 1, 1, 63.5, 64, 127.5, 127.5, 127.5])
        #expect(roundTrip(.int8) == [-63.5, -1.5, 0, 0, 0, 0, 0, 1, 1, 63.5, 63.5, 63.5, 63.5, 63.5])
    }

    @Test func everyChannelHasItsStep() {
        let weights: [Float] = [0.5, -1, 0.004, 0, 0, 0, 20, 254, -254]
        let quantized = QuantizedWeights(weights, channels: 3, count: 3)
        #expect(quantized.steps == [1 / Float(127), 1, 2])
        #expect(quantized.integers == [64, -127, 1, 0, 0, 0, 10, 127, -127])
    }

    @Test(arguments: [ElementType.uint8, .int8])
    func poolingSumsBytes(_ type: ElementType) {
        let (channels, pixels) = (300, 35)
        var numbers = Numbers(seed: 9)
        let values = numbers.list(2 * pixels * channels, type == .uint8 ? 0 : -127, 127).map { $0.rounded() }
        let bytes = AlignedBuffer(byteCount: values.count)
        for (index, value) in values.enumerated() {
            bytes.bytes[index] = type == .uint8 ? UInt8(value) : UInt8(bitPattern: Int8(value))
        }
        var y = [Float](repeating: .nan, count: 2 * channels)
        AdaptiveAveragePool(source: [5, 7, channels], destination: [1, 1, channels]).forward(
            Activations(bytes.base, type, step: 0.25), &y, images: 2, Workers(count: 2))
        for image in 0..<2 {
            for channel in 0..<channels {
                let sum = (0..<pixels).reduce(0) { $0 + values[(image * pixels + $1) * channels + channel] }
                #expect(abs(y[image * channels + channel] - sum * 0.25 / Float(pixels)) < 1e-4)
            }
        }
    }
}
