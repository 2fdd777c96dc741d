// Binds the steps of a plan to kernels and addresses.
import Graphs
import Kernels
import Tensors

/// Where a value lies: fixed in the arena, or given at every run; and how far the next image is, in a chunk that goes over it.
struct Address {
    private let fixed: UnsafeMutableRawPointer?
    /// From one group's arena to the next's; 0 where there is one.
    private let arenaStride: Int
    private let entry: Int
    private let stride: Int
    let type: ElementType
    private let step: Float

    /// - Parameter images: how many the step runs over at once. Of a value with room for more it sees those from `firstImage` on.
    init(_ value: PlanValue, in resources: ProgramResources, images: Int) {
        arenaStride = resources.groups > 1 ? resources.arenaStride : 0
        (type, step) = (value.type, value.quantizationStep)
        stride = value.images == images ? 0 : value.bytesPerImage
        switch value.place {
        case .arena(let offset): (fixed, entry) = (resources.arena.base + offset, 0)
        case .entry(let index): (fixed, entry) = (nil, index)
        }
    }

    var isFixed: Bool { fixed != nil && stride == 0 && arenaStride == 0 }

    @inline(__always)
    func raw(_ frame: PassFrame) -> UnsafeMutableRawPointer {
        guard let fixed else { return frame.input.entries[entry] + frame.firstImage * stride }
        return fixed + frame.firstImage * stride + frame.group * arenaStride
    }

    /// The address of a float32 value.
    @inline(__always)
    func callAsFunction(_ frame: PassFrame) -> UnsafeMutablePointer<Float> {
        raw(frame).assumingMemoryBound(to: Float.self)
    }

    /// The address of a value of any type.
    @inline(__always)
    func activations(_ frame: PassFrame) -> Activations { Activations(raw(frame), type, step: step) }
}

/// Makes each step of a plan into a closure over prepared kernels. Lives while a program is made.
final class Binder {
    let plan: Plan
    let resources: ProgramResources
    let elementwise: Elementwise
    private(set) var implementations: [String] = []
    private var kernels: [OneDNNKernel] = []
    private var winograds: [WinogradConvolution] = []
    /// Images that the step being bound runs over at once.
    private(set) var images: Int
    /// Batch-norm kernels by their scale parameter: forward leaves the batch's statistics there for backward.
    var norms: [Int: BatchNormKernel] = [:]

    init(_ plan: Plan, _ resources: ProgramResources) {
        self.plan = plan
        self.resources = resources
        images = plan.capacity
        elementwise = Elementwise(resources.workers)
    }

    /// Binds a step that runs over so many images at once.
    func bind(_ step: PlanStep, images: Int) throws -> BoundStep {
        self.images = images
        let (known, knownWinograds) = (kernels.count, winograds.count)
        let prepared = try bind(step)
        implementations.append(
            kernels.dropFirst(known).first?.implementation ?? winograds.dropFirst(knownWinograds).first?.implementation ?? "")
        return prepared
    }

    /// One scratchpad, as large as the most demanding kernel wants, for all of them.
    func bindScratchpad() -> AlignedBuffer {
        let bytes = kernels.map { $0.byteCount(of: .scratchpad) } + winograds.map(\.roomBytes)
        let scratch = AlignedBuffer(byteCount: bytes.max() ?? 0)
        for kernel in kernels { kernel.bind(.scratchpad, scratch.base) }
        for winograd in winograds { winograd.bind(room: scratch.base) }
        return scratch
    }

    func address(_ value: Int) -> Address { Address(plan.values[value], in: resources, images: images) }
    func elementCount(_ value: Int) -> Int { plan.values[value].shape.count * images }
    var store: ParameterStore { resources.store }

    /// Remembers a kernel for its scratchpad, and binds the roles that have fixed addresses.
    func adopt(_ kernel: OneDNNKernel, _ roles: [KernelRole: Address]) -> OneDNNKernel {
        kernels.append(kernel)
        let frame = PassFrame(input: PassInput(entries: [], count: 0))
        for (role, address) in roles where address.isFixed { kernel.bind(role, address.raw(frame)) }
        return kernel
    }

    /// Remembers a convolution for the room that it needs.
    func adopt(_ winograd: WinogradConvolution) -> WinogradConvolution {
        winograds.append(winograd)
        return winograd
    }

    /// A step that runs a kernel; roles whose addresses change are bound at every run.
    func running(_ kernel: OneDNNKernel, _ roles: [KernelRole: Address]) -> BoundStep {
        let changing = roles.filter { !$0.value.isFixed }.map { ($0.key, $0.value) }
        let kernel = adopt(kernel, roles)
        if changing.isEmpty { return { _ in kernel.run() } }
        return { frame in
            for (role, address) in changing { kernel.bind(role, address.raw(frame)) }
            kernel.run()
        }
    }

    private func bind(_ step: PlanStep) throws -> BoundStep {
        switch step.operation {
        case .convolution(let layer, let activation): try bindConvolution(step, layer, activation)
        case .convolutionInputGradient(let layer): try bindInputGradient(step, layer)
        case .convolutionWeightGradient(let layer): try bindWeightGradient(step, layer)
        case .norm(let norm, let mode, let activation): bindNorm(step, norm, mode, activation)
        case .normGradient(let norm, let mode, let masks): bindNormGradient(step, norm, mode, masks)
        case .layerNorm(let norm): bindLayerNorm(step, norm)
        case .layerNormGradient(let norm): bindLayerNormGradient(step, norm)
        case .layerScale(let parameter), .layerScaleInputGradient(let parameter): bindLayerScale(step, parameter)
        case .layerScaleGradient(let parameter): bindLayerScaleGradient(step, parameter)
        case .activation(let kind): bindActivation(step, kind)
        case .add(let activation): bindAddition(step, activation)
        case .combineGradients(let derivative): bindCombination(step, derivative)
        case .gate: bindGate(step)
        case .gateGradient: bindGateGradient(step)
        case .concatenate: bindConcatenation(step)
        case .slice(let firstChannel): bindSlice(step, firstChannel)
        case .sliceGradient(let firstChannel): bindSliceGradient(step, firstChannel)
        case .shuffle(let groups): bindShuffle(step, groups)
        case .pool(let place, let method): try bindPooling(step, place, method)
        case .poolGradient(let place, let method): try bindPoolingGradient(step, place, method)
        case .adaptiveAverage: bindAdaptiveAverage(step)
        case .adaptiveAverageGradient: bindAdaptiveAverageGradient(step)
        case .convert: bindConversion(step)
        case .transpose(let toChannelsFirst): bindTranspose(step, toChannelsFirst)
        case .dropout(let rate, let layer, let wholeImages): bindDropout(step, rate, layer, wholeImages)
        case .responseNorm(let constants): try bindResponseNorm(step, constants)
        case .responseNormGradient(let constants): try bindResponseNormGradient(step, constants)
        case .loss(let weight, let isMain): bindLoss(step, weight, isMain)
        }
    }
}
