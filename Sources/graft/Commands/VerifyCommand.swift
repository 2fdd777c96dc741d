// `graft verify`: a look through the photographs before anything is trained.
import ArgumentParser
import Collectives
import CollectivesMPI
import Files
import Foundation
import ImageData
import Reporting
import RunConfiguration
import Tensors
import Training

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Looks through photographs: what cannot be read, copies, leaks, wrong labels.",
        discussion: """
            graft verify data/train
            mpirun -n 2 graft verify my.yaml --report look.html --csv doubtful.csv

            A folder may hold classes, or train and validation folders with classes in each. Nearly the same means resized, \
            compressed again, cropped or mirrored. With a config its network also looks for labels that are probably wrong (by \
            trainings on other folds) and for photographs unlike all others. data.exclude: doubtful.csv leaves out what the list names.
            """)

    @Argument(help: "A config (YAML), or a folder of photographs.")
    var source: String
    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key of the config.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: ArgumentHelp("Writes a page with the pictures side by side.", valueName: "file"))
    var report: String?
    @Option(help: ArgumentHelp("Writes a list of the images to leave out, which data.exclude takes.", valueName: "file"))
    var csv: String?
    @Flag(help: "Does not ask the config's network about labels.")
    var pixelsOnly = false
    @Flag(help: "Ends with status 65 when anything was found.")
    var strict = false
    @Flag(help: "Prints one JSON object a line, the most important first.")
    var json = false

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let signals = StopSignals(tellsUser: LaunchCheck.statedRank(environment: environment) == 0)
        let stop = StopFlag { signals.stopRequested }
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: source, isDirectory: &isFolder)
        let status: Int32 = World.run(environment: environment, exitStatus: ExitStatus.of) { communicator in
            guard !isThere || isFolder.boolValue == false || overrides.isEmpty else {
                throw UserError("\(source) is a folder; --set overrides keys of a config")
            }
            let threads = try ThreadPlacement.settle(over: communicator, requested: nil, environment: environment)[
                communicator.rank
            ]
            .fairThreads
            do {
                let verification =
                    isThere && isFolder.boolValue
                    ? try Verification(folder: source)
                    : try Verification(try RunConfiguration.load(source, overrides: overrides, communicator))
                let findings = try verification.run(
                    usesNetwork: !pixelsOnly, threads: max(1, threads), communicator, environment, stop)
                if communicator.isRoot { try tell(findings, verification) }
                return strict && !findings.isEmpty ? ExitStatus.badInput : 0
            } catch is StoppedEarly {
                if communicator.isRoot { say("stopped as asked; nothing was written") }
                return TrainingOutcome.stopped.exitStatus
            }
        }
        if status != 0 { throw ExitCode(status) }
    }

    private func tell(_ findings: [Finding], _ verification: Verification) throws {
        let images = verification.images
        if let csv { try Self.writeList(findings, images, to: csv) }
        if let report {
            try VerificationPage(title: source, imageCount: images.count, Self.sections(findings, images)).write(to: report)
        }
        if json {
            for finding in findings { print(try finding.jsonLine()) }
            return
        }
        print("\(images.count) images in \(source): \(findings.isEmpty ? "nothing to mend" : "\(findings.count) findings")")
        for (title, own) in Self.groups(findings) {
            print("\n\(title): \(own.count)")
            for finding in own.prefix(Self.shown) { print("  \(Self.line(finding))") }
            if own.count > Self.shown {
                print("  and \(own.count - Self.shown) more\(report == nil ? "; --report FILE shows all" : "")")
            }
        }
        for path in [report, csv].compactMap(\.self) { print("\nwritten: \(path)") }
    }

    private static let shown = 8

    /// Findings under headings, in order of importance.
    private static func groups(_ findings: [Finding]) -> [(title: String, findings: [Finding])] {
        func title(_ finding: Finding) -> String {
            finding.kind.words + (finding.isLeak ? ", in two splits" : finding.isContradiction ? ", under two labels" : "")
        }
        var groups: [(title: String, findings: [Finding])] = []
        for finding in findings {
            if groups.last?.title == title(finding) {
                groups[groups.count - 1].findings.append(finding)
            } else {
                groups.append((title(finding), [finding]))
            }
        }
        return groups
    }

    private static func line(_ finding: Finding) -> String {
        var words = finding.paths.joined(separator: " = ")
        if finding.kind == .nearDuplicate { words = finding.paths.joined(separator: " ≈ ") }
        if let looksLike = finding.looksLike {
            words += " is labelled \(finding.labels.first ?? "") and looks like \(looksLike)"
        }
        if let reason = finding.reason { words += words.isEmpty ? reason : ": \(reason)" }
        let hasScore = [.nearDuplicate, .suspectLabel].contains(finding.kind)
        return words + (hasScore ? finding.score.map { String(format: " (%.2f)", $0) } ?? "" : "")
    }

    private static func sections(_ findings: [Finding], _ images: [VerifiedImage]) -> [VerificationPage.Section] {
        groups(findings).map { title, own in
            VerificationPage.Section(
                title: title,
                entries: own.map { finding in
                    VerificationPage.Entry(
                        words: [
                            finding.looksLike.map { "looks like \($0)" }, finding.reason,
                            finding.score.map { String(format: "%.2f", $0) },
                        ]
                        .compactMap(\.self).joined(separator: "; "),
                        pictures: finding.images.map { index in
                            VerificationPage.Picture(
                                file: images[index].part, path: images[index].path, label: images[index].label,
                                split: images[index].split)
                        })
                })
        }
    }

    /// `file,kind,label,looks_like,score`: one image of each finding that can be mended by leaving it out.
    private static func writeList(_ findings: [Finding], _ images: [VerifiedImage], to path: String) throws {
        var (lines, seen) = (["file,kind,label,looks_like,score"], Set<Int>())
        for finding in findings {
            guard let index = finding.dispensable, seen.insert(index).inserted else { continue }
            let file = URL(fileURLWithPath: images[index].part.range == nil ? images[index].part.path : images[index].path)
            lines.append(
                [
                    images[index].part.range == nil ? file.path : images[index].path, finding.kind.rawValue, images[index].label,
                    finding.looksLike ?? "", finding.score.map { String(format: "%.4f", $0) } ?? "",
                ].map(\.quotedAsCSV).joined(separator: ","))
        }
        try AtomicFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: path)
    }
}
