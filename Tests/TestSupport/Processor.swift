// What the processor can do at the level of instructions that this process is held to: the runner's conditions for tests that need more.
internal import Kernels
internal import Tensors

/// Whether products of bytes are summed without overflow; older processors give other sums, and Graft does not use them.
package let processorMultipliesBytes = Instructions.multipliesBytes
/// Whether bfloat16 is multiplied natively; elsewhere Graft computes in float32.
package let processorMultipliesBFloat16 = Instructions.multipliesBFloat16
/// Why a test in bytes is left out.
package let needsBytes = "the processor, or the level it is held to, sums no products of bytes without overflow"
/// Why a test in bfloat16 is left out.
package let needsBFloat16 = "the processor, or the level it is held to, multiplies no bfloat16"
/// Whether there is AVX2 at all, to be held to.
package let hasAVX2 = Instructions.machine >= .avx2

/// Whether the tests are compiled with optimisation: some take minutes without.
package let isOptimized: Bool = {
    #if DEBUG
        return false
    #else
        return true
    #endif
}()
