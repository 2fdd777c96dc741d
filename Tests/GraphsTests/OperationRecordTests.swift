// Operations as keys on disk have them: who changes a text here invalidates users' caches.
import Graphs
import Tensors
import Testing

@Suite struct OperationRecordTests {
    private static let window = SlidingWindow(
        height: 3, width: 5, stride: 2, padding: Padding(top: 0, left: 1, bottom: 2, right: 3), roundsUp: true)

    @Test(arguments: [
        (Operation.input, "input"),
        (
            .convolution(window, outputChannels: 8, groups: 4, hasBias: true),
            "convolution 3×5 stride 2 padding 0 1 2 3 rounds up outputs 8 groups 4 bias"
        ),
        (.batchNorm(epsilon: 1e-5, momentum: 0.1), "batch norm epsilon 1e-05 momentum 0.1"), (.activation(.silu), "silu"),
        (.add, "add"), (.gate, "gate"), (.concatenate, "concatenate"),
        (.channelSlice(first: 2, count: 3), "channel slice first 2 count 3"),
        (.channelShuffle(groups: 2), "channel shuffle groups 2"),
        (.maxPool(window), "max pool 3×5 stride 2 padding 0 1 2 3 rounds up"),
        (
            .averagePool(window, countsPadding: true),
            "average pool 3×5 stride 2 padding 0 1 2 3 rounds up counts padding"
        ),
        (.adaptiveAveragePool(height: 6, width: 7), "adaptive average pool 6×7"), (.flatten, "flatten"),
        (.linear(outputs: 10, hasBias: false), "linear outputs 10"), (.dropout(rate: 0.5), "dropout rate 0.5"),
        (.stochasticDepth(rate: 0.2), "stochastic depth rate 0.2"),
        (
            .localResponseNorm(size: 5, alpha: 1e-4, beta: 0.75, k: 1),
            "local response norm size 5 alpha 0.0001 beta 0.75 k 1.0"
        ),
    ])
    func saysAllAttributes(_ operation: Graphs.Operation, _ record: String) { #expect(operation.record == record) }
}
