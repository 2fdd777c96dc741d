// A plan to read: what trains, where the boundary is, work, memory, messages, and every step.
import Tensors

extension PlanDescription {
    private static let margin = 2

    /// The description; without `steps` there is no step table.
    package func text() -> String {
        var blocks = [head, work, boundaryLines + (features?.text ?? []), memoryLines, communicationLines]
        if let scaling { blocks.append(scaling.text) }
        if !steps.isEmpty { blocks.append(stepTable) }
        return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private var head: [String] {
        var table = TextTable([.left(""), .left("")])
        let shape = inputShape.map(String.init).joined(separator: "×")
        table.add(["network", "\(network), input \(shape), \(classes) classes (\(classesFrom))"])
        table.add(["trains", trainedText])
        table.add([
            "parameters",
            "\(Readable.count(parameters.trained)) of \(Readable.count(parameters.count)) "
                + "(\(Readable.share(parameters.trained, of: parameters.count))), \(parameters.trainedTensors) tensors",
        ])
        if let mode = parameters.batchNorm {
            table.add(["batch norm", mode == "frozen" ? "frozen" : "\(mode) in trained layers, frozen elsewhere"])
        }
        table.add([
            "precision",
            frozenPrecision == trainedPrecision
                ? frozenPrecision : "\(frozenPrecision) in frozen layers, \(trainedPrecision) in trained ones",
        ])
        table.add(["instructions", instructions])
        let passes = accumulation == 1 ? "" : ", \(accumulation) batches an update"
        let share = ranks == 1 ? "one rank" : "\(ranks) ranks, at most \(imagesPerRank) a rank"
        table.add(["batch", "\(batchSize) images over \(share)\(passes)"])
        return table.lines()
    }

    private var trainedText: String {
        if parameters.trainedLayers == ["*"] { return "everything" }
        return Self.list(parameters.trainedLayers, limit: 8)
    }

    private var work: [String] {
        var table = TextTable([.left("region"), .right("steps"), .right("GFLOP"), .right("share"), .right("activations")])
        for region in regions {
            table.add([
                "\(region.region) \(region.phase)", "\(region.steps)", Self.gigaflops(region.flopsPerImage),
                Readable.share(region.flopsPerImage, of: flopsPerImage), Self.megabytes(region.activationBytesPerImage) + " MB",
            ])
        }
        table.add([
            "together", "\(regions.reduce(0) { $0 + $1.steps })", Self.gigaflops(flopsPerImage), "",
            Self.megabytes(regions.reduce(0) { $0 + $1.activationBytesPerImage }) + " MB",
        ])
        return ["Work of a training step, for one image. A multiply-accumulate (MAC) is 2 FLOP."]
            + table.lines(indent: Self.margin)
    }

    private var boundaryLines: [String] {
        if regions.allSatisfy({ $0.region != "prefix" }) {
            return [
                "Boundary: none. No layer stands before those that train, so nothing repeats every epoch but the photographs."
            ]
        }
        var table = TextTable([.left(""), .left(""), .right("")])
        for value in boundary {
            let shape = value.shape.map(String.init).joined(separator: "×")
            table.add([value.name, shape, "\(Readable.bytes(value.bytesPerImage)) an image"])
        }
        return ["Boundary: what the frozen prefix hands on, the same every epoch for the same pixels."]
            + table.lines(indent: Self.margin)
    }

    private var memoryLines: [String] {
        var table = TextTable([.left(""), .right(""), .left("")])
        func add(_ what: String, _ bytes: Int, _ remark: String = "") {
            if bytes > 0 { table.add([what, Readable.bytes(bytes), remark]) }
        }
        let saved = "one arena; side by side its values would take \(Readable.bytes(memory.withoutReuseBytes))"
        add("activations", memory.arenaBytes, saved)
        add("images", memory.imagesBytes, "the batch in use; the loader keeps some more ready")
        add("frozen weights", memory.frozenWeightsBytes, "mapped from the file where its format allows")
        add("trained weights", memory.trainedWeightsBytes)
        add("packed weights", memory.packedWeightsBytes, "of convolutions, in the kernels' own formats")
        add("gradients", memory.gradientsBytes)
        add("earlier gradients", memory.accumulatedGradientsBytes, "of an update's first passes, or of its groups")
        add("optimizer state", memory.optimizerStateBytes)
        add("together", memory.totalBytes, "about, besides what the libraries take")
        return ["Memory of a rank."] + table.lines(indent: Self.margin)
    }

    private var communicationLines: [String] {
        var table = TextTable([
            .right("bucket"), .right("size"), .right("starts after"), .right("work left"), .left("gradients of"),
        ])
        for (index, bucket) in communication.buckets.enumerated() {
            table.add([
                "\(index + 1)", Readable.bytes(bucket.bytes), "step \(bucket.startsAfterStep)",
                Readable.share(bucket.remainingFlopsPerImage, of: flopsPerImage), Self.span(bucket.layers),
            ])
        }
        var lines = ["Communication: \(Readable.bytes(communication.bytesPerStep)) of gradients an update."]
        if ranks == 1 {
            lines[0] += " One rank sends nothing; --ranks N shows more."
        } else {
            lines[0] += " In a ring of \(ranks) each rank sends \(Readable.bytes(communication.bytesSentPerRank))"
            lines[0] += " and receives as much."
        }
        lines.append("Work left is the arithmetic still to come when a sum starts, behind which it can hide.")
        lines += table.lines(indent: Self.margin)
        if communication.normSums > 0 {
            lines.append(
                "  and \(communication.normSums) sums of batch-norm statistics a pass, "
                    + "\(Readable.bytes(communication.normSumBytes)) together")
        }
        return lines
    }

    private var stepTable: [String] {
        var table = TextTable([
            .right("step"), .left("region"), .left("layer"), .left("what"), .left("from"), .left("to"), .right("GFLOP"),
            .right("images"), .right("MB"), .right("at MB"), .left(""),
        ])
        for step in steps {
            table.add([
                "\(step.number)", step.phase == "forward" ? step.region : step.phase, step.name, step.operation, step.input,
                step.output, step.flopsPerImage > 0 ? Self.gigaflops(step.flopsPerImage) : "",
                "\(step.imagesAtOnce)", step.bytes.map { Self.megabytes($0) } ?? "",
                step.arenaOffset.map { Self.megabytes($0) } ?? "",
                [
                    step.type == "float32" ? nil : step.type, step.isInPlace ? "in place" : nil,
                    step.winogradTile.map { "Winograd \($0)×\($0)" },
                ].compactMap { $0 }.joined(separator: ", "),
            ])
        }
        let title = [
            "Steps. Shapes and GFLOP are for one image, MB and the place in the arena for the images that a step runs over",
            "at once, or for all \(imagesPerRank) where its result is kept for a step that runs over others.",
            "What stands behind a + is done in the same pass over memory.",
        ]
        return title + table.lines(indent: Self.margin)
    }

    private static func gigaflops(_ count: Int) -> String { Readable.fixed(Double(count) / 1e9, 3) }
    private static func megabytes(_ count: Int) -> String { Readable.fixed(Double(count) / 1e6, 2) }

    /// Backward goes through layers in order: of many, the first and the last say enough.
    private static func span(_ layers: [String]) -> String {
        guard layers.count > 3, let first = layers.first, let last = layers.last else { return layers.joined(separator: ", ") }
        return "\(first) … \(last) (\(layers.count) layers)"
    }

    private static func list(_ names: [String], limit: Int) -> String {
        let rest = names.count - limit
        return names.prefix(limit).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}
