// `graft reproduce`: a run is made again from what its receipt names, and both are compared bit by bit.
import Collectives
import Files
import Foundation
import Reporting
import RunConfiguration
import Training
import WeightFiles

/// One finished run that is to be made again. Every rank does the same; rank 0 reads, compares and tells.
struct Reproduction {
    let folder: RunFolder
    let printsJSON: Bool
    /// Whether to train although something is no longer what it was.
    let trainsAnyway: Bool
    let communicator: any Communicator

    /// How a reproduction ended.
    enum Outcome { case sameBits, otherBits, stopped }

    /// Where two makings of a run differ first.
    struct FirstDifference: Encodable {
        /// `loss`, `evaluation`, `weights`, `optimizer`, or `start`.
        let thing: String
        let step: Int?
        let tensor: String?
        let expected: String?
        let found: String?
    }

    private struct Result: Encodable {
        let kind = "result"
        let sameBits: Bool
        /// Whether it was trained again.
        let trained: Bool
        let steps: Int
        let firstDifference: FirstDifference?
    }

    func run(_ environment: [String: String], _ stop: StopFlag) throws -> Outcome {
        let receipt = try communicator.isRoot ? Receipt(from: folder) : nil
        let original = try configuration()
        if let receipt, receipt.ranks != communicator.size, original.training.reproducible != .ranks {
            throw UserError(
                "\(folder.path) was trained by \(receipt.ranks) ranks, whose sums are added in their own order; start it so: "
                    + "mpirun -n \(receipt.ranks) graft reproduce \(folder.path)")
        }
        let scratch = try scratchFolder()
        defer { if communicator.isRoot { try? FileManager.default.removeItem(atPath: scratch) } }
        var again = original
        again.run.folder = scratch
        let preparation = try Preparation(again, communicator, environment: environment, stop: stop)
        let differences = try receipt?.differences(from: Receipt(of: preparation, original)) ?? []
        try tell(differences)
        let goesOn = try communicator.broadcast([differences.isEmpty || trainsAnyway ? 1 : 0])[0] == 1
        guard goesOn else {
            try tell(Result(sameBits: false, trained: false, steps: 0, firstDifference: first(differences)))
            return .otherBits
        }
        let run = TrainingRun(preparation, watching: [ConsoleProgress(.standardError())])
        guard try run.run(resuming: false) == .finished else { return .stopped }
        guard communicator.isRoot else { return .sameBits }
        let made = RunFolder(folder: scratch, name: again.run.name)
        let comparison = try RunBits(of: folder).firstDifference(from: RunBits(of: made))
        try tell(
            Result(
                sameBits: comparison.difference == nil, trained: true, steps: comparison.steps,
                firstDifference: comparison.difference))
        return comparison.difference == nil ? .sameBits : .otherBits
    }

    /// The run's own, as rank 0 finds it.
    private func configuration() throws -> RunConfiguration {
        let own = communicator.isRoot ? FileManager.default.contents(atPath: folder.configuration).map { Array($0) } ?? [] : []
        let bytes = try communicator.broadcast(own)
        guard !bytes.isEmpty else {
            throw UserError("\(folder.path) holds no run of graft train: there is no \(folder.configuration)")
        }
        return try RunConfiguration.parse(bytes, path: folder.configuration, name: "run", overrides: [])
    }

    private func scratchFolder() throws -> String {
        let own = FileManager.default.temporaryDirectory.appending(path: "graft-reproduce-\(UUID().uuidString)").path
        return String(decoding: try communicator.broadcast(Array(own.utf8)), as: UTF8.self)
    }

    private func first(_ differences: [ReceiptDifference]) -> FirstDifference? {
        differences.first.map {
            FirstDifference(thing: "start", step: nil, tensor: nil, expected: $0.expected, found: $0.found)
        }
    }

    private static let mostTold = 10

    private func tell(_ differences: [ReceiptDifference]) throws {
        guard communicator.isRoot else { return }
        if printsJSON { return try differences.forEach { print(try $0.jsonLine()) } }
        for difference in differences.prefix(Self.mostTold) { print(difference.words) }
        if differences.count > Self.mostTold { print("and \(differences.count - Self.mostTold) more") }
    }

    private func tell(_ result: Result) throws {
        guard communicator.isRoot else { return }
        if printsJSON { return print(try result.jsonLine()) }
        guard result.trained else {
            return print("not the same start: nothing was trained (--anyway trains, and tells where the bits differ first)")
        }
        guard let difference = result.firstDifference else {
            return print("same bits: the losses of \(result.steps) steps, all evaluations, and the last checkpoint's tensors")
        }
        let place = difference.step.map { " of step \($0)" } ?? difference.tensor.map { ", tensor \($0)" } ?? ""
        print(
            "other bits: the first difference is in \(difference.thing)\(place)"
                + (difference.expected.map { ": was \($0), is \(difference.found ?? "nothing")" } ?? ""))
    }
}

/// What a run left that does not depend on time and place.
private struct RunBits {
    /// By step, as written: a shortest text of a number has its bits.
    private var losses: [Int: Double] = [:]
    private var evaluations: [Int: [Double]] = [:]
    private let checkpoint: Checkpoint

    init(of folder: RunFolder) throws {
        let bytes = FileManager.default.contents(atPath: folder.metrics) ?? Data()
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            guard let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any],
                let step = (object["step"] as? NSNumber)?.intValue
            else { continue }
            func number(_ key: String) -> Double { (object[key] as? NSNumber)?.doubleValue ?? .infinity }
            switch object["event"] as? String {
            case "step": losses[step] = number("loss")
            case "evaluation": evaluations[step] = [number("loss"), number("accuracy")]
            default: break
            }
        }
        checkpoint = try CheckpointFolder(path: folder.checkpoints, retention: Retention(keeping: 1)).newest().checkpoint
    }

    /// Where another making differs first; in both cases how many steps were compared.
    func firstDifference(from other: RunBits) throws -> (steps: Int, difference: Reproduction.FirstDifference?) {
        let steps = Set(losses.keys).union(other.losses.keys).sorted()
        func words(_ values: [Double]?) -> String { values.map { $0.map { "\($0)" }.joined(separator: ", ") } ?? "nothing" }
        for step in steps {
            for (thing, one, two) in [
                ("loss", losses[step].map { [$0] }, other.losses[step].map { [$0] }),
                ("evaluation", evaluations[step], other.evaluations[step]),
            ] where one != two {
                return (
                    steps.count,
                    Reproduction.FirstDifference(
                        thing: thing, step: step, tensor: nil, expected: words(one), found: words(two))
                )
            }
        }
        for (thing, one, two) in [
            ("weights", checkpoint.model, other.checkpoint.model),
            ("optimizer", checkpoint.optimizer, other.checkpoint.optimizer),
        ] {
            for name in Set(one.tensors.keys).union(two.tensors.keys).sorted() {
                guard one.tensors[name] != nil, two.tensors[name] != nil,
                    zip(try one.floats(name), try two.floats(name)).allSatisfy({ $0.bitPattern == $1.bitPattern })
                else {
                    return (
                        steps.count,
                        Reproduction.FirstDifference(thing: thing, step: nil, tensor: name, expected: nil, found: nil)
                    )
                }
            }
        }
        return (steps.count, nil)
    }
}
