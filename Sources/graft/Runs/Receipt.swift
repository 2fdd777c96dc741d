// What a run was made from, so that it can be made again and held to.
import Collectives
import Dispatch
import Files
import Foundation
import ImageData
import Kernels
import RunConfiguration
import Training

/// The receipt that a run leaves at its end: digests of everything that its bits depend on.
struct Receipt: Equatable {
    /// `receipt.json`.
    private struct Head: Codable, Equatable {
        /// Raised when a reader of the old version would misunderstand the new one.
        var formatVersion = 1
        /// Of the program, and the XXH64 of its file.
        let version: String
        let program: String
        /// The instructions and libraries that it computed with.
        let arithmetic: String
        let ranks: Int
        let config: String
        /// The XXH64 of the weight file; `random` where there was none.
        let weights: String
    }

    private let head: Head
    private var photographs = ReceiptPhotographs()

    var ranks: Int { head.ranks }

    /// Photographs of more bytes together are known by their sizes: reading them all again would keep ranks waiting for minutes or hours.
    private static let mostBytesRead = 32 << 30

    /// Reads every photograph once, if they are not too large together.
    ///
    /// - Parameter configuration: that of the run, where the preparation's differs in where it writes.
    init(of preparation: Preparation, _ configuration: RunConfiguration? = nil) throws {
        head = Head(
            version: GraftTool.version, program: FilePart("/proc/self/exe").checksum.map { String($0, radix: 16) } ?? "unknown",
            arithmetic: Instructions.summary, ranks: preparation.communicator.size,
            config: digest(of: [(configuration ?? preparation.configuration).yaml()]),
            weights: preparation.weights.checksum.map { String($0, radix: 16) } ?? "random")
        let folders = [("train", preparation.data?.training), ("validation", preparation.data?.validation)]
        let states = folders.map { $1?.fileStates() ?? [] }
        let byteCount = states.joined().reduce(0) { $0 + $1.size }
        for case (let (split, folder?), let states) in zip(folders, states) {
            add(folder, split, states, readsAll: byteCount <= Self.mostBytesRead)
        }
        photographs.sort()
    }

    /// Reads that of a run. Throws `UserError` where there is none.
    init(from folder: RunFolder) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let bytes = FileManager.default.contents(atPath: folder.receipt) else {
            throw UserError(
                "\(folder.path) has no \((folder.receipt as NSString).lastPathComponent): a run leaves its receipt when it is finished; "
                    + "train it to its end with --resume")
        }
        guard let head = try? decoder.decode(Head.self, from: bytes), head.formatVersion == 1,
            let lines = FileManager.default.contents(atPath: folder.receiptPhotographs)
        else { throw UserError("\(folder.receipt) is not the receipt of a run, or of a later version; train the run anew") }
        self.head = head
        for line in String(decoding: lines, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 4 else { throw UserError("\(folder.receiptPhotographs) is damaged; train the run anew") }
            photographs.append(path: fields[3], text: fields[..<3].joined(separator: "\t"))
        }
        photographs.sort()
    }

    func write(to folder: RunFolder) throws {
        try photographs.write(to: folder.receiptPhotographs)
        try AtomicFile.write(Array((try head.jsonLine() + "\n").utf8), to: folder.receipt)
    }

    private mutating func add(_ folder: ImageFolder, _ split: String, _ states: [ImageFolder.FileState], readsAll: Bool) {
        // Checksums or sizes; texts would take ten times as much.
        var facts = states.map { $0.error == 0 ? UInt64($0.size) : nil }
        if readsAll {
            let order = folder.readingOrder
            let checksums = WaitingWork.inStretches(of: order.count) { own in
                var reader = ChecksumReader()
                return order[own].map { reader.checksum(of: folder.part(of: folder.samples[$0])) }
            }
            for (sample, checksum) in zip(order, checksums) { facts[sample] = checksum }
        }
        for (sample, fact) in zip(folder.samples, facts) {
            let digest = fact.map { readsAll ? String($0, radix: 16) : "\($0) bytes" } ?? "unreadable"
            photographs.append(
                path: Self.line(folder.path(of: sample)), text: "\(digest)\t\(split)\t\(Self.labels(of: sample, in: folder))")
        }
    }

    /// A path as a line of the file holds it, which has no line's end.
    private static func line(_ path: String) -> String {
        path.utf8.contains(UInt8(ascii: "\n")) ? path.replacingOccurrences(of: "\n", with: "\\n") : path
    }

    /// What a data set has that this run did not know, and the other way round, in words. Photographs are known by their paths.
    func news(in data: TrainingData) -> String {
        var (fresh, relabelled, known, classes) = (0, 0, 0, Set<String>())
        for folder in [data.training, data.validation].compactMap({ $0 }) {
            classes.formUnion(folder.classes)
            for sample in folder.samples {
                let path = Self.line(folder.path(of: sample))
                let labels = Self.labels(of: sample, in: folder)
                guard let text = photographs.text(of: path) else {
                    fresh += 1
                    continue
                }
                known += 1
                if Self.label(in: text) != labels { relabelled += 1 }
            }
        }
        var old: Set<String> = []
        for place in 0..<photographs.count {
            old.formUnion(Self.label(in: photographs[place].text).split(separator: "|").map(String.init))
        }
        let (gone, new) = (photographs.count - known, classes.subtracting(old).sorted())
        let parts = [
            fresh > 0 ? "\(fresh) photographs are new" : nil, gone > 0 ? "\(gone) are gone" : nil,
            relabelled > 0 ? "\(relabelled) have other labels" : nil,
            new.isEmpty ? nil : "new class\(new.count == 1 ? "" : "es") \(new.prefix(10).joined(separator: ", "))",
        ].compactMap { $0 }
        return parts.isEmpty ? "nothing is new, but contents of files may be" : parts.joined(separator: ", ")
    }

    private static func label(in text: String) -> String {
        text.split(separator: "\t", omittingEmptySubsequences: false).last.map(String.init) ?? ""
    }

    private static func labels(of sample: ImageSample, in folder: ImageFolder) -> String {
        let names = (sample.labels ?? [sample.label]).map { folder.classes[$0] }.joined(separator: "|")
        return names.utf8.contains(UInt8(ascii: "\t")) ? names.replacingOccurrences(of: "\t", with: " ") : names
    }

    /// What another making starts from otherwise, in the order in which one would look.
    func differences(from other: Receipt) -> [ReceiptDifference] {
        var found: [ReceiptDifference] = []
        func compare(_ thing: String, _ expected: String, _ now: String) {
            if expected != now { found.append(ReceiptDifference(thing: thing, path: nil, expected: expected, found: now)) }
        }
        compare("config", head.config, other.head.config)
        compare("weights", head.weights, other.head.weights)
        compare("program", "\(head.version), \(head.program)", "\(other.head.version), \(other.head.program)")
        compare("arithmetic", head.arithmetic, other.head.arithmetic)
        for (path, expected, now) in photographs.differences(from: other.photographs) {
            found.append(
                ReceiptDifference(
                    thing: "photograph", path: path,
                    expected: expected?.replacingOccurrences(of: "\t", with: ", ") ?? "nothing",
                    found: now?.replacingOccurrences(of: "\t", with: ", ") ?? "nothing"))
        }
        return found
    }
}

/// Something that a run starts from and that is no longer what it was.
struct ReceiptDifference: Encodable {
    let kind = "difference"
    let thing: String
    let path: String?
    let expected: String
    let found: String

    var words: String { "\(path.map { "\(thing) \($0)" } ?? thing): was \(expected), is \(found)" }
}
