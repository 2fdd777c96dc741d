// oneDNN from Swift: the engine, and kernels that are prepared once, bound to addresses, and run many times.
internal import COneDNN

/// A call into oneDNN that failed: which one, and its status.
package struct OneDNNError: Error, CustomStringConvertible {
    package let call: String
    package let status: Int32

    package var description: String {
        let meaning =
            switch status {
            case 1: "out of memory"
            case 2: "invalid arguments"
            case 3: "not implemented for this processor"
            default: "status \(status)"
            }
        return "oneDNN could not prepare \(call): \(meaning)"
    }
}

/// The CPU as oneDNN sees it. One per program; used from one thread at a time.
package final class OneDNNEngine {
    let handle: OpaquePointer

    /// Creates an engine whose kernels use `threads` OpenMP threads when run from the calling thread.
    package init(threads: Int) throws {
        Instructions.settle()
        var created: OpaquePointer?
        let status = graft_engine_create(&created)
        guard status == 0, let created else { throw OneDNNError(call: "an engine", status: status) }
        handle = created
        graft_set_threads(Int32(threads))
    }

    deinit { graft_engine_destroy(handle) }

    /// Runs `body` once on each of the `threads` threads that run kernels when the calling thread starts them.
    package static func onEveryThread(_ threads: Int, _ body: @convention(c) () -> Void) {
        graft_on_every_thread(Int32(threads), body)
    }

    /// oneDNN's version, as in `2.6.3`.
    package static var version: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
            guard let start = text.baseAddress else { return "" }
            graft_version(start, 32)
            return String(cString: start)
        }
    }
}

/// What an address bound to a kernel is for.
package enum KernelRole: Sendable, CaseIterable {
    case source, weights, bias, destination, residual, scratchpad, workspace
    case sourceGradient, weightsGradient, biasGradient, destinationGradient
    case left, right, result

    var code: graft_role {
        switch self {
        case .source: graft_source
        case .weights: graft_weights
        case .bias: graft_bias
        case .destination: graft_destination
        case .residual: graft_residual
        case .scratchpad: graft_scratchpad
        case .workspace: graft_workspace
        case .sourceGradient: graft_source_gradient
        case .weightsGradient: graft_weights_gradient
        case .biasGradient: graft_bias_gradient
        case .destinationGradient: graft_destination_gradient
        case .left: graft_left
        case .right: graft_right
        case .result: graft_result
        }
    }
}

/// A oneDNN primitive with its memory handles. Bind every role that it has before running it.
package final class OneDNNKernel {
    let handle: OpaquePointer
    let engine: OneDNNEngine

    /// Makes a kernel by a function of the shim; `call` names it in errors.
    init(_ call: @autoclosure () -> String, _ engine: OneDNNEngine, make: (inout OpaquePointer?) -> Int32) throws {
        var made: OpaquePointer?
        let status = make(&made)
        guard status == 0, let made else { throw OneDNNError(call: call(), status: status) }
        handle = made
        self.engine = engine
    }

    deinit { graft_kernel_destroy(handle) }

    /// Bytes wanted for a role, 0 where the kernel has no use for it.
    package func byteCount(of role: KernelRole) -> Int { graft_kernel_bytes(handle, role.code) }

    /// Binds an address; a role that the kernel does not have is ignored.
    package func bind(_ role: KernelRole, _ address: UnsafeMutableRawPointer?) { graft_kernel_bind(handle, role.code, address) }

    package func run() {
        let status = graft_kernel_run(engine.handle, handle)
        precondition(status == 0, "oneDNN failed to run a kernel (\(implementation)) with status \(status)")
    }

    /// oneDNN's name for the code it chose, as in `jit:avx512_core`.
    package var implementation: String { String(cString: graft_kernel_implementation(handle)) }
}

/// The format in which a kernel wants its weights: equal for kernels that can share one packed copy.
package struct WeightFormat: Hashable {
    private let kernel: OneDNNKernel

    package init(of kernel: OneDNNKernel) { self.kernel = kernel }

    package static func == (first: WeightFormat, second: WeightFormat) -> Bool {
        graft_same_weight_format(first.kernel.handle, second.kernel.handle) != 0
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(kernel.byteCount(of: .weights)) }
}
