// A look through all photographs before anything is trained: what cannot be read, what is there twice, what is probably labelled wrong.
import Collectives
import Features
import Foundation
import Files
import ImageData
import RunConfiguration
import Training

/// One image of a data set that is looked through.
struct VerifiedImage {
    /// Relative to the folder that was named.
    let path: String
    let part: FilePart
    let label: String
    let split: String
}

/// The images of a config or a folder, and what is found among them. Every rank makes the same; shares of the images are looked at.
struct Verification {
    private(set) var images: [VerifiedImage] = []
    /// By split, with their names.
    private let folders: [(split: String, folder: ImageFolder)]
    private let hasLabels: Bool
    private let appliesOrientation: Bool
    private let configuration: RunConfiguration?

    /// The images that a config names.
    init(_ configuration: RunConfiguration) throws {
        let data = try TrainingData(configuration)
        folders =
            [("train", data.training)]
            + [("validation", data.validation), ("test", data.test)].compactMap { name, folder in
                folder.map { (name, $0) }
            }
        (hasLabels, appliesOrientation) = (true, configuration.data.exif == .apply)
        self.configuration = configuration
        list { $1.path(of: $0) }
    }

    /// The images of a folder: class folders, parts of a data set with class folders in each, or photographs without classes.
    init(folder root: String) throws {
        let root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
        var hasLabels = true
        let parts = ImageFolder.parts(of: root)
        if parts.isEmpty {
            do throws(ImageError) {
                folders = [("train", try ImageFolder.scan(root, allowEmptyClasses: true))]
            } catch {
                guard case .noClasses = error.reason else { throw error }
                folders = [("train", try ImageFolder.unlabelled(root))]
                hasLabels = false
            }
        } else {
            folders = try parts.map { name in
                (Self.split(name), try ImageFolder.scan("\(root)/\(name)", allowEmptyClasses: true))
            }
        }
        (self.hasLabels, appliesOrientation, configuration) = (hasLabels, true, nil)
        list { sample, folder in
            let path = folder.path(of: sample)
            return path.hasPrefix("\(root)/") ? String(path.dropFirst(root.count + 1)) : path
        }
    }

    private static func split(_ name: String) -> String {
        switch name.lowercased() {
        case "train", "training": "train"
        case "val", "valid", "validation": "validation"
        default: "test"
        }
    }

    private mutating func list(_ path: (ImageSample, ImageFolder) -> String) {
        images = folders.flatMap { split, folder in
            folder.samples.map {
                VerifiedImage(
                    path: path($0, folder), part: folder.part(of: $0), label: folder.classes[$0.label], split: split)
            }
        }
    }

    /// Finds everything, the most important first. Every rank calls it; rank 0 gets the findings, the others none.
    ///
    /// - Parameter usesNetwork: whether a config's network looks at the labels too.
    func run(
        usesNetwork: Bool, threads: Int, _ communicator: any Communicator, _ environment: [String: String], _ stop: StopFlag
    ) throws -> [Finding] {
        let facts = try examine(threads: threads, communicator, stop)
        var findings: [Finding] = []
        if communicator.isRoot {
            findings += files(facts) + exactDuplicates(facts) + balance()
            findings += try nearDuplicates(facts, threads: threads, known: findings, stop)
        }
        try stop.check(communicator)
        if usesNetwork, let configuration {
            findings += try doubts(configuration, communicator, environment, stop)
        }
        return findings.enumerated().sorted {
            ($0.element.rank, -($0.element.score ?? 1), $0.offset) < ($1.element.rank, -($1.element.score ?? 1), $1.offset)
        }.map(\.element)
    }

    // MARK: Files

    /// Each rank looks at its share; all get what all have found.
    private func examine(threads: Int, _ communicator: any Communicator, _ stop: StopFlag) throws -> [ImageFacts] {
        let share = Array(Shard.range(of: images.count, rank: communicator.rank, ranks: communicator.size))
        let rounds = SharedWork(communicator, stop)
        let work = WorkProgress("looked at")
        var own: [ImageFacts] = []
        let slice = max(1, 16 * threads)
        nonisolated(unsafe) let examiners = (0..<max(1, threads)).map { _ in ImageExaminer(appliesOrientation: appliesOrientation)
        }
        for start in stride(from: 0, to: share.count, by: slice) {
            if try rounds.isStopped() { break }
            let part = Array(share[start..<min(start + slice, share.count)])
            nonisolated(unsafe) var found = [ImageFacts](repeating: ImageFacts(), count: part.count)
            let lock = NSLock()
            DispatchQueue.concurrentPerform(iterations: examiners.count) { number in
                for position in stride(from: number, to: part.count, by: examiners.count) {
                    let facts = examiners[number].examine(images[part[position]].part)
                    lock.withLock { found[position] = facts }
                }
            }
            own += found
            communicator.heartbeat.enter(.loading, step: own.count)
            if communicator.isRoot { work.tell(min(images.count, own.count * communicator.size), of: images.count) }
        }
        if try rounds.finish() { throw StoppedEarly() }
        return try communicator.gather([UInt8](try JSONEncoder().encode(own))).flatMap {
            try JSONDecoder().decode([ImageFacts].self, from: Data($0))
        }
    }

    private func finding(_ kind: Finding.Kind, _ images: [Int], score: Double? = nil, reason: String? = nil) -> Finding {
        var finding = Finding(kind: kind, paths: images.map { self.images[$0].path }, score: score, reason: reason)
        if hasLabels { finding.labels = images.map { self.images[$0].label } }
        finding.splits = images.map { self.images[$0].split }
        finding.images = images
        return finding
    }

    private func files(_ facts: [ImageFacts]) -> [Finding] {
        facts.enumerated().compactMap { index, facts in
            if let reason = facts.unreadable { return finding(.unreadable, [index], score: 1, reason: reason) }
            return facts.oddities.isEmpty ? nil : finding(.odd, [index], reason: facts.oddities.joined(separator: "; "))
        }
    }

    private func exactDuplicates(_ facts: [ImageFacts]) -> [Finding] {
        var first: [UInt64: Int] = [:]
        return facts.enumerated().compactMap { index, facts in
            guard facts.unreadable == nil else { return nil }
            guard let earlier = first[facts.digest] else {
                first[facts.digest] = index
                return nil
            }
            return finding(.duplicate, [earlier, index], score: 1)
        }
    }

    private func nearDuplicates(
        _ facts: [ImageFacts], threads: Int, known: [Finding], _ stop: StopFlag
    ) throws -> [Finding] {
        // Copies stand for the first of them.
        let copies = Set(known.filter { $0.kind == .duplicate }.map { $0.images[1] })
        let (compared, laidOver) = (WorkProgress("compared"), WorkProgress("laid over others"))
        let pairs = try NearDuplicates(
            facts.enumerated().map { copies.contains($0) ? Data() : $1.thumbnail }, threads: threads
        ).find(stop) { stage, done, all in
            (stage == .comparing ? compared : laidOver).tell(done * images.count / max(all, 1), of: images.count)
        }
        return pairs.map { finding(.nearDuplicate, [$0.first, $0.second], score: $0.score) }
    }

    private func balance() -> [Finding] {
        guard hasLabels else { return [] }
        var findings: [Finding] = []
        for (split, folder) in folders {
            let counts = zip(folder.classes, folder.classCounts).sorted { ($0.1, $0.0) < ($1.1, $1.0) }
            if let least = counts.first, let most = counts.last, counts.count > 1, most.1 >= 5 * max(1, least.1) {
                var finding = Finding(kind: .imbalance, labels: [least.0, most.0], splits: [split])
                finding.reason =
                    "'\(least.0)' has \(least.1) images, '\(most.0)' \(most.1): training.class_weights: balanced weighs them alike"
                findings.append(finding)
            }
            let few = counts.filter { $0.1 < 10 && split == "train" }
            if !few.isEmpty {
                var finding = Finding(kind: .imbalance, labels: few.map(\.0), splits: [split])
                finding.reason = "fewer than 10 images: \(few.prefix(10).map { "'\($0.0)' (\($0.1))" }.joined(separator: ", "))"
                findings.append(finding)
            }
            var folded: [String: String] = [:]
            for name in folder.classes {
                guard let twin = folded.updateValue(name, forKey: name.lowercased()) else { continue }
                var finding = Finding(kind: .imbalance, labels: [twin, name], splits: [split])
                finding.reason = "the classes '\(twin)' and '\(name)' differ in case only"
                findings.append(finding)
            }
        }
        return findings
    }

    // MARK: Labels

    /// How often the images are cut into folds, and into how many: the means over all are steadier than one.
    private static let (foldCount, repetitions) = (5, 4)

    /// Suspect labels among training images by networks that have not seen them, and images whose features are far from all others'.
    private func doubts(
        _ configuration: RunConfiguration, _ communicator: any Communicator, _ environment: [String: String], _ stop: StopFlag
    ) throws -> [Finding] {
        var base = CrossValidation.base(configuration)
        (base.training.phases, base.training.steps) = (nil, nil)
        // What cannot be read has been told of.
        base.data.unreadableLimit = 1
        let trials = try CrossValidation.trials(base, communicator, environment, stop) { _ in }
        let samples = trials.preparation.samples
        let folds = min(Self.foldCount, samples.classCounts.min() ?? 0)
        guard folds >= 2, !samples.isOfSeveral else { return communicator.isRoot ? try outliers(trials) : [] }
        var sums = [[Float]](repeating: [], count: samples.count)
        for repetition in 0..<Self.repetitions {
            let cut = trials.cut(folds, round: repetition)
            for fold in 0..<folds {
                let parts = cut.parts(fold)
                let result = try trials.run(base, training: parts.training, held: parts.held)
                for prediction in result.last?.predictions ?? [] {
                    let sample = parts.held[prediction.sample]
                    let own = prediction.probabilities
                    sums[sample] = sums[sample].isEmpty ? own : zip(sums[sample], own).map(+)
                }
            }
        }
        guard communicator.isRoot else { return [] }
        let means = sums.map { $0.map { $0 / Float(Self.repetitions) } }
        let suspects = ConfidentLearning.suspects(means, labels: Array(samples.labels)).map { suspect in
            var finding = finding(.suspectLabel, [suspect.sample], score: suspect.score)
            finding.looksLike = samples.classes[suspect.looksLike]
            return finding
        }
        return try suspects + outliers(trials)
    }

    private static let (neighbours, mostOutliers) = (5, 20_000)

    /// Images far from their nearest neighbours: by more than three quartile ranges beyond the upper quartile.
    private func outliers(_ trials: Trials) throws -> [Finding] {
        guard let store = trials.features.training?.store, (21...Self.mostOutliers).contains(store.sampleCount) else { return [] }
        let vectors = FeatureVectors(store, of: 0..<store.sampleCount)
        let distances = try Neighbours(vectors.values, length: vectors.length).distances(
            to: Self.neighbours, threads: trials.preparation.placement.threads)
        let sorted = distances.sorted()
        let (low, high) = (sorted[sorted.count / 4], sorted[sorted.count * 3 / 4])
        let limit = high + 3 * (high - low)
        return distances.indices.filter { distances[$0] > limit }.map {
            finding(.outlier, [vectors.samples[$0]], score: Double(min(1, distances[$0])), reason: "no photograph looks like it")
        }
    }
}
