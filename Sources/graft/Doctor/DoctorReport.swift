// What `graft doctor` found, for people and for scripts.
import Tensors
import Collectives
import PlanReports

/// The findings of all ranks.
struct DoctorReport {
    let placements: [ThreadPlacement]
    /// What each rank's arithmetic uses of its processor.
    let instructions: [String]
    /// How started sums move.
    let overlap: String
    var warnings: [String]
    var sums: [SumMeasurement] = []
    /// Nil where they were not tried.
    var links: LinkReport?
    var reads: ReadReport?

    init(placements: [ThreadPlacement], instructions: [String], overlap: String) {
        self.placements = placements
        self.instructions = instructions
        self.overlap = overlap
        var seen: Set<String> = []
        warnings = placements.compactMap(\.warning).filter { seen.insert($0).inserted }
    }

    /// A table for people.
    func text(sharedMemoryBytes: Int?) -> String {
        var lines = rankLines
        lines += instructionLines
        lines.append("shared memory on rank 0's host: \(sharedMemoryBytes.map { "\($0 >> 20) MB" } ?? "none")")
        if sums.isEmpty {
            lines.append(placements.count == 1 ? "one rank: nothing to sum" : "sums were not measured")
        } else {
            lines += ["sums (\(overlap)), one way after the other:"] + sumLines
        }
        lines += links?.lines ?? []
        lines += reads?.lines ?? []
        let warnings = allWarnings
        lines += warnings.isEmpty ? ["no objections"] : warnings.map { "warning: \($0)" }
        return lines.joined(separator: "\n")
    }

    private var allWarnings: [String] { warnings + (links?.warnings ?? []) + (reads?.warnings ?? []) }

    private var rankLines: [String] {
        var table = TextTable([.right("rank"), .left("host"), .right("threads"), .left("decided by"), .left("cores")])
        for (rank, placement) in placements.enumerated() {
            let sharers = placement.sharers > 1 ? " shared by \(placement.sharers) ranks" : ""
            table.add([
                "\(rank)", placement.claim.hostName, "\(placement.threads)", placement.decidedBy,
                numberRanges(placement.claim.cores) + sharers,
            ])
        }
        return table.lines()
    }

    private var sumLines: [String] {
        var table = TextTable([
            .left(""), .right("size"), .right("one alone"), .right("per second"), .right("hidden behind computing"),
            .right("added processor time"),
        ])
        for sum in sums {
            table.add([
                sum.algorithm, "\(sum.bytes >> 10) kB", Readable.fixed(sum.secondsAlone * 1e3, 3) + " ms",
                Readable.fixed(sum.bytesPerSecond * 1e-9, 2) + " GB/s", Readable.fixed(sum.hiddenShare * 100, 0) + " %",
                Readable.fixed(sum.addedProcessorSeconds / Double(sum.sums) * 1e3, 2) + " ms each",
            ])
        }
        return table.lines()
    }

    /// One line where all ranks have the same.
    private var instructionLines: [String] {
        guard let first = instructions.first, instructions.contains(where: { $0 != first }) else {
            return instructions.prefix(1).map { "instructions: \($0)" }
        }
        return instructions.enumerated().map { "instructions of rank \($0): \($1)" } + [
            "training uses the least of them on all ranks"
        ]
    }

    /// One JSON object on one line.
    func json() throws -> String {
        struct Rank: Encodable {
            var rank: Int
            var host: String
            var cores: [Int]
            var sharers: Int
            var threads: Int
            var instructions: String
        }
        struct Output: Encodable {
            var ranks: [Rank]
            var overlap: String
            var sums: [SumMeasurement]
            var links: [Link]?
            var reads: [HostReads]?
            var warnings: [String]
        }
        let ranks = placements.enumerated().map {
            Rank(
                rank: $0, host: $1.claim.hostName, cores: $1.claim.cores, sharers: $1.sharers, threads: $1.threads,
                instructions: instructions[$0])
        }
        return try Output(
            ranks: ranks, overlap: overlap, sums: sums, links: links?.links, reads: reads?.hosts, warnings: allWarnings
        ).jsonLine()
    }
}
