// What `graft doctor` found, for people and for scripts.
import Collectives
import Foundation

/// The findings of all ranks.
struct DoctorReport {
    let placements: [ThreadPlacement]
    /// What each rank's arithmetic uses of its processor.
    let instructions: [String]
    /// How started sums move.
    let overlap: String
    var warnings: [String]
    var sums: [SumMeasurement] = []

    init(placements: [ThreadPlacement], instructions: [String], overlap: String) {
        self.placements = placements
        self.instructions = instructions
        self.overlap = overlap
        var seen: Set<String> = []
        warnings = placements.compactMap(\.warning).filter { seen.insert($0).inserted }
    }

    /// A table for people.
    func text(sharedMemoryBytes: Int?) -> String {
        var lines = ["rank  host                 threads  decided by       cores"]
        for (rank, placement) in placements.enumerated() {
            lines.append(
                "\(pad(rank, 4))  \(placement.claim.hostName.padding(toLength: 20, withPad: " ", startingAt: 0)) "
                    + "\(pad(placement.threads, 7))  \(placement.decidedBy.padding(toLength: 16, withPad: " ", startingAt: 0)) "
                    + ranges(placement.claim.cores) + (placement.sharers > 1 ? " shared by \(placement.sharers) ranks" : ""))
        }
        lines += instructionLines
        lines.append("shared memory on rank 0's host: \(sharedMemoryBytes.map { "\($0 >> 20) MB" } ?? "none")")
        if sums.isEmpty {
            lines.append(placements.count == 1 ? "one rank: nothing to sum" : "sums were not measured")
        } else {
            lines.append(
                "sums (\(overlap)), one way after the other:\n           size   one alone       per second   hidden behind computing   added processor time"
            )
            lines += sums.map { sum in
                String(
                    format: "%@ %8d kB   %9.3f ms   %7.2f GB/s   %17.0f %%   %14.2f ms each",
                    sum.algorithm.padding(toLength: 13, withPad: " ", startingAt: 0), sum.bytes >> 10,
                    sum.secondsAlone * 1e3,
                    sum.bytesPerSecond * 1e-9, sum.hiddenShare * 100, sum.addedProcessorSeconds / Double(sum.sums) * 1e3)
            }
        }
        lines += warnings.isEmpty ? ["no objections"] : warnings.map { "warning: \($0)" }
        return lines.joined(separator: "\n")
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
            var warnings: [String]
        }
        let ranks = placements.enumerated().map {
            Rank(
                rank: $0, host: $1.claim.hostName, cores: $1.claim.cores, sharers: $1.sharers, threads: $1.threads,
                instructions: instructions[$0])
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys]
        return String(
            decoding: try encoder.encode(Output(ranks: ranks, overlap: overlap, sums: sums, warnings: warnings)), as: UTF8.self)
    }

    private func pad(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// `0-3,8` for 0, 1, 2, 3, 8.
    private func ranges(_ cores: [Int]) -> String {
        var runs: [ClosedRange<Int>] = []
        for core in cores {
            if let last = runs.last, last.upperBound + 1 == core {
                runs[runs.count - 1] = last.lowerBound...core
            } else {
                runs.append(core...core)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
