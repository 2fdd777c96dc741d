// What `graft plan` says: the numbers of a known network, and text that is aligned.
import Execution
import Foundation
import Graphs
import Networks
import PlanReports
import Tensors
import TestSupport
import Testing

struct PlanDescriptionTests {
    private func describe(
        _ network: String, _ unfrozen: [String], _ mode: NormMode = .frozen, buckets: Int = 1, ranks: Int = 4
    ) throws -> PlanDescription {
        let graph = try NetworkCatalog.entry(named: network).build(BuildOptions(classes: 2))
        let trainability = try FreezePolicy(unfrozen: unfrozen, batchNorm: mode).resolve(graph)
        let plan = Planner.plan(PlanRequest(graph: graph, trainability: trainability, capacity: 16, exit: .loss))
        let bounds = (0...buckets).map { plan.layout.count * $0 / buckets }
        var cuts = zip(bounds, bounds.dropFirst()).map { $0..<$1 }
        cuts[buckets - 1] = cuts[buckets - 1].lowerBound..<plan.layout.count + ParameterStore.extraCount
        var setting = PlanSetting(classesFrom: "of data/train", batchSize: 64, buckets: cuts)
        setting.ranks = ranks
        setting.optimizerStates = 1
        return try PlanDescription(plan, setting)
    }

    @Test func numbersOfResNet50() throws {
        let plan = try describe("resnet50", ["layer4"])
        #expect(plan.parameters.count == 23_512_130)
        #expect(plan.parameters.trained == 14_946_306 && plan.parameters.trainedTensors == 12)
        #expect(plan.parameters.trainedLayers == ["layer4", "fc"])
        #expect(plan.regions.map { "\($0.region) \($0.phase)" } == ["prefix forward", "suffix forward", "suffix backward"])
        #expect(plan.boundary.map(\.shape) == [[14, 14, 1024]])
        #expect(plan.boundary.map(\.bytesPerImage) == [14 * 14 * 1024 * 4])
        #expect(plan.memory.arenaBytes < plan.memory.withoutReuseBytes)
        #expect(plan.memory.optimizerStateBytes == plan.memory.trainedWeightsBytes)
    }

    /// 4.09 GMAC are 8.18 GFLOP; where all trains, backward is twice that but for the first convolution's input gradient.
    @Test func workIsTwoOperationsAMultiplyAccumulate() throws {
        let graph = try NetworkCatalog.entry(named: "resnet50").build(BuildOptions(classes: 2))
        let plan = try describe("resnet50", ["*"], .local)
        let forward = 2 * graph.multiplyAccumulates
        let first = 2 * graph.multiplyAccumulates(of: graph.nodes[1])
        #expect(plan.regions.map(\.flopsPerImage) == [forward, 2 * forward - first])
        #expect(plan.steps.reduce(0) { $0 + $1.flopsPerImage } == plan.flopsPerImage)
        #expect(plan.text().contains("nothing repeats every epoch but the photographs"))
    }

    @Test func bucketsStartInOrderAndNameTheirLayers() throws {
        let plan = try describe("resnet50", ["layer4"], buckets: 4)
        let buckets = plan.communication.buckets
        #expect(plan.communication.bytesPerStep == plan.memory.gradientsBytes)
        #expect(plan.communication.bytesSentPerRank == plan.memory.gradientsBytes * 2 * 3 / 4)
        #expect(buckets.reduce(0) { $0 + $1.bytes } == plan.memory.gradientsBytes)
        #expect(buckets[0].layers.first == "fc" && buckets[3].layers.last == "layer4.0.conv1")
        #expect(buckets[0].layers.last == "layer4.2.conv1 (part)")
        #expect(zip(buckets, buckets.dropFirst()).allSatisfy { $0.startsAfterStep <= $1.startsAfterStep })
        #expect(buckets[3].startsAfterStep == plan.steps.count && buckets[3].remainingFlopsPerImage == 0)
    }

    @Test func synchronizedNormsAreCountedAsMessages() throws {
        let plan = try describe("resnet18", ["layer4"], .synchronized)
        // Five norms of 512 channels, forward and backward; sums, sums of squares and a count, 8 bytes each.
        #expect(plan.communication.normSums == 10)
        #expect(plan.communication.normSumBytes == 10 * (2 * 512 + 1) * 8)
        #expect(try describe("resnet18", ["layer4"], .local).communication.normSums == 0)
    }

    @Test(arguments: [
        (["*"], NormMode.frozen, ["*"]), ([], .frozen, ["fc"]),
        (["layer1.*.conv1"], .local, ["layer1.0.conv1", "layer1.1.conv1", "fc"]),
        (["layer3", "layer4.1"], .affine, ["layer3", "layer4.1", "fc"]),
    ])
    func trainedLayersAreNamedShortly(_ patterns: [String], _ mode: NormMode, _ expected: [String]) throws {
        #expect(try describe("resnet18", patterns, mode).parameters.trainedLayers == expected)
    }

    @Test func stepsAreNamedForWhatTheyDo() throws {
        let words = try describe("resnet50", ["layer4"]).steps.map(\.operation)
        #expect(words[0] == "7×7 conv /2 + norm + relu" && words[1] == "3×3 max pool /2")
        #expect(words.contains("1×1 conv /2 + norm + add + relu") && words.contains("softmax cross-entropy"))
        #expect(words.last == "1×1 conv, weight gradient")
        let lite = try describe("efficientnet_lite0", [])
        #expect(lite.steps.contains { $0.operation == "5×5 depthwise conv + norm + relu6" })
        #expect(lite.steps.contains { $0.operation == "dropout 0.2" && $0.region == "bridge" })
        let inception = try describe("googlenet", []).steps.first { $0.operation == "concatenate" }
        #expect(inception?.input == "28×28×(64+128+32+32)" && inception?.output == "28×28×256")
    }

    @Test func tilesAreNamed() throws {
        let plan = try describe("resnet18", ["layer4"])
        func tiles(_ layer: String) -> [Int?] { plan.steps.filter { $0.name == layer }.map(\.winogradTile) }
        #expect(tiles("layer1.0.conv1") == [6])
        // On the way forward, for the gradient of weights, and for that of the input.
        #expect(tiles("layer4.0.conv2") == [6, 6, 6])
        #expect(tiles("conv1") == [nil])
        #expect(plan.text().contains("Winograd 6×6"))
    }

    /// Adaptive optimizers make as much of the smallest gradients as of the largest.
    @Test func gradientsForAdaptiveOptimizersTakeSmallTiles() throws {
        let graph = try NetworkCatalog.entry(named: "resnet18").build(BuildOptions(classes: 2))
        let trainability = try FreezePolicy(unfrozen: ["layer4"], batchNorm: .frozen).resolve(graph)
        var request = PlanRequest(graph: graph, trainability: trainability, capacity: 2, exit: .loss)
        request.isOptimizerAdaptive = true
        let steps = Planner.plan(request).steps.filter { $0.name == "layer4.0.conv2" }
        #expect(steps.map(\.kernel.tileSide) == [6, 4, 6])
    }

    @Test(.enabled(if: processorMultipliesBFloat16, Comment(rawValue: needsBFloat16))) func narrowValuesAreNamed() throws {
        let graph = try NetworkCatalog.entry(named: "resnet18").build(BuildOptions(classes: 2))
        let trainability = try FreezePolicy(unfrozen: ["layer4"], batchNorm: .frozen).resolve(graph)
        var request = PlanRequest(graph: graph, trainability: trainability, capacity: 2, exit: .loss)
        request.prefixPrecision = .bfloat16
        let plan = Planner.plan(request)
        let cuts = [0..<plan.layout.count + ParameterStore.extraCount]
        let wide = try describe("resnet18", ["layer4"])
        let narrow = try PlanDescription(plan, PlanSetting(classesFrom: "", batchSize: 2, buckets: cuts))
        #expect(narrow.frozenPrecision == "bfloat16" && narrow.trainedPrecision == "float32")
        #expect(narrow.text().contains("bfloat16, in place"))
        #expect(narrow.memory.packedWeightsBytes < wide.memory.packedWeightsBytes)
        #expect(narrow.regions[0].activationBytesPerImage < wide.regions[0].activationBytesPerImage * 2 / 3)
        #expect(wide.frozenPrecision == "float32" && !wide.text().contains("bfloat16"))
    }

    @Test func planWithoutRangesIsDescribed() throws {
        let graph = try NetworkCatalog.entry(named: "resnet50").build(BuildOptions(classes: 5))
        let trainability = try FreezePolicy(unfrozen: [], batchNorm: .frozen).resolve(graph)
        var request = PlanRequest(graph: graph, trainability: trainability, capacity: 3, exit: .loss)
        request.prefixPrecision = .int8
        let plan = Planner.plan(request)
        #expect(!plan.hasAllRanges)
        let cuts = [0..<plan.layout.count + ParameterStore.extraCount]
        let description = try PlanDescription(plan, PlanSetting(classesFrom: "", batchSize: 3, buckets: cuts))
        #expect(description.frozenPrecision == "int8" && description.trainedPrecision == "float32")
        #expect(description.text().contains("uint8, in place"))
    }

    @Test func textIsAlignedAndSummaryShort() throws {
        var plan = try describe("resnet50", ["layer4"])
        let lines = plan.text().split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.last != " " })
        let start = try #require(lines.firstIndex { $0.hasPrefix("  step ") })
        // The region's column begins at the same character in every row.
        let column = try #require(lines[start].range(of: "region")).lowerBound.utf16Offset(in: lines[start])
        for line in lines[(start + 1)...] {
            let cells = Array(line)
            #expect(cells[column - 1] == " " && cells[column] != " ")
        }
        #expect(lines.count - start - 1 == plan.steps.count)
        plan.steps = []
        #expect(!plan.text().contains("Steps.") && plan.text().contains("together            87"))
    }

    @Test func jsonHasTheSameNumbers() throws {
        let plan = try describe("resnet18", [])
        let object = try #require(try JSONSerialization.jsonObject(with: JSONEncoder().encode(plan)) as? [String: Any])
        #expect((object["steps"] as? [Any])?.count == plan.steps.count)
        #expect((object["memory"] as? [String: Any])?["arenaBytes"] as? Int == plan.memory.arenaBytes)
    }

    @Test func numbersHaveThreeDigitsAndAUnit() {
        #expect(
            [0, 999, 1000, 12_845_056, 999_600, 1_684_000_000].map(Readable.bytes) == [
                "0 B", "999 B", "1.00 kB", "12.8 MB", "1.00 MB", "1.68 GB",
            ])
        #expect(Readable.count(25_557_032) == "25.6 M" && Readable.share(1, of: 0) == "0 %")
        var table = TextTable([.left("name"), .right("n"), .left("")])
        table.add(["×", "1"])
        table.add(["abcdef", "100", ""])
        #expect(table.lines(indent: 1) == [" name      n", " ×         1", " abcdef  100"])
    }
}
