// The observers' files and lines.
import Foundation
import ImageData
@testable import Reporting
import Testing
@testable import Training

@Suite struct ReportingTests {
    private func objects(_ path: String) throws -> [[String: Any]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test func metricsHaveTheKeysThatScriptsRelyOn() throws {
        let path = try Samples.temporaryPath("metrics.jsonl")
        let lines = JSONLines(path: path)
        for event in [
            TrainingEvent.started(Samples.facts()), Samples.step(1), Samples.step(2), Samples.evaluation(step: 2, epoch: 1),
        ] { lines.observe(event) }
        let text = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(
            text[1].hasPrefix(
                #"{"event":"step","step":1,"epoch":0,"loss":0.69,"learning_rate":0.01,"images_per_second":23.1,"#))
        #expect(text[3].hasPrefix(#"{"event":"evaluation","step":2,"epoch":1,"loss":0.8,"accuracy":0.5,"images":2,"#))
        #expect(try objects(path).map { $0["event"] as? String } == ["started", "step", "step", "evaluation"])
    }

    /// Steps 3 and 4 were made after the checkpoint of step 2, and the last line was cut short by the kill.
    @Test(arguments: [(1, 0, 5), (0, 128, 4)])
    func aResumedRunContinuesTheFileWithoutDuplicates(epoch: Int, samplesConsumed: Int, kept: Int) throws {
        let path = try Samples.temporaryPath("metrics.jsonl")
        let before = JSONLines(path: path)
        for event in [
            TrainingEvent.started(Samples.facts()), Samples.step(1), Samples.step(2), Samples.evaluation(step: 2, epoch: 1),
            Samples.step(3, epoch: 1), Samples.step(4, epoch: 1),
        ] { before.observe(event) }
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"event":"step","step":5"#.utf8))
        let after = JSONLines(path: path)
        after.observe(.started(Samples.facts(step: 2, epoch: epoch, samplesConsumed: samplesConsumed)))
        let lines = try objects(path)
        #expect(lines.count == kept && lines.compactMap { $0["event"] as? String }.last == "started")
        #expect(lines.filter { $0["event"] as? String == "step" }.compactMap { $0["step"] as? Int } == [1, 2])
    }

    @Test func predictionsAreQuotedWhereTheyMustBe() throws {
        guard case .evaluation(let report) = Samples.evaluation(step: 2, epoch: 1) else { return }
        #expect(
            PredictionsFile.table(report.evaluation) == #"""
                path,true_class,predicted_class,probability_cat,"probability_a, ""b"""
                cat/1.jpg,cat,cat,0.9,0.1
                "b/<x> ""1"".jpg","a, ""b""",cat,0.75,0.25

                """#)
    }

    @Test func aTerminalGetsOneLineThatIsRedrawn() {
        var (text, time) = ("", 0.0)
        let progress = ConsoleProgress(.init(isInteractive: true, width: 160) { text += $0 }, now: { time })
        progress.observe(.started(Samples.facts()))
        for step in 1...4 {
            time += 1
            progress.observe(Samples.step(step))
        }
        progress.observe(Samples.evaluation(step: 4, epoch: 2))
        progress.observe(Samples.finished(step: 4))
        #expect(text.contains("pets: resnet50, 2 classes, 1200 training and 2 validation images\n"))
        #expect(text.components(separatedBy: "\r\u{1B}[K").count == 6)
        #expect(text.contains("step 2/4  loss 0.6900  23.1 images/s  waiting for data 3 %, communication 0 %  ETA 0:06  ████"))
        #expect(
            text.contains("accuracy 50.00 %") && text.contains("finished 4 steps in 1:01; best accuracy 50.00 % after step 2\n"))
        #expect(text.hasSuffix("gradient sums took 0.40 s, of which backward hid 89 %\n"))
    }

    @Test func aNarrowTerminalGetsAShortLine() {
        var text = ""
        let progress = ConsoleProgress(.init(isInteractive: true, width: 80) { text += $0 })
        progress.observe(.started(Samples.facts()))
        progress.observe(Samples.step(1))
        #expect(text.contains("step 1/4 loss 0.6900 23.1 images/s data 3 %, communication 0 % ETA --:--"), "\(text)")
    }

    /// A line of 90 columns fills three rows of a window that now has 40.
    @Test func aWindowThatBecameNarrowerKeepsNoFragments() {
        var (text, width) = ("", 100)
        var line = LiveLine(Terminal(isInteractive: true, width: width) { text += $0 })
        line.draw(String(repeating: "x", count: 90))
        width = 40
        line.draw("next")
        line.printAbove("done")
        #expect(text == "\r\u{1B}[K" + String(repeating: "x", count: 90) + "\r\u{1B}[2A\u{1B}[Jnext" + "\r\u{1B}[Kdone\n")
    }

    @Test func withoutATerminalPlainLinesComeNowAndThen() {
        var (text, time) = ("", 0.0)
        let progress = ConsoleProgress(.init(isInteractive: false, width: 80) { text += $0 }, now: { time })
        for step in 1...25 {
            time += 1
            progress.observe(Samples.step(step))
        }
        #expect(!text.contains("\r") && !text.contains("\u{1B}"))
        #expect(text.split(separator: "\n").count == 3)
    }

    @Test func aFileThatCannotBeWrittenDoesNotEndTheRun() {
        let lines = JSONLines(path: "/nonexistent/metrics.jsonl")
        lines.observe(.started(Samples.facts()))
        lines.observe(Samples.step(1))
    }

    @Test func idleRanksAreToldOfOnce() {
        var text = ""
        let progress = ConsoleProgress(.init(isInteractive: false, width: 80) { text += $0 })
        for event in [.started(Samples.facts()), Samples.step(1), Samples.evaluation(step: 1, epoch: 1)] {
            progress.observe(event)
        }
        #expect(!text.contains("evaluation.ranks"))
        for step in 2...3 {
            progress.observe(Samples.step(step))
            guard case .evaluation(var report) = Samples.evaluation(step: step, epoch: step) else { return }
            report.idleRanks = 3
            progress.observe(.evaluation(report))
        }
        let line =
            "note: 3 ranks waited 12.0 s for this evaluation, after 2.8 s of training; with evaluation.ranks: all they share it"
        #expect(text.components(separatedBy: line).count == 2, "\(text)")
    }

    @Test func confusionIsDrawnInSquares() throws {
        guard case .evaluation(let report) = Samples.evaluation(step: 1, epoch: 1) else { return }
        let picture = try #require(ConfusionPicture.of(report.evaluation))
        let classes = report.evaluation.classes.count
        #expect(picture.width == picture.height && picture.width == 400 / classes * classes)
        for (label, row) in report.evaluation.confusion.enumerated() {
            for (taken, count) in row.enumerated() {
                let (x, y) = ((2 * taken + 1) * picture.width / (2 * classes), (2 * label + 1) * picture.height / (2 * classes))
                let pixel = picture.pixels[3 * (y * picture.width + x)..<3 * (y * picture.width + x) + 3]
                #expect((Array(pixel) == [255, 255, 255]) == (count == 0))
            }
        }
    }

    /// The check value of CRC-32C, and the record that TensorBoard's own `RecordWriter` makes of
    /// `Event(wall_time=1, step=300, summary=Summary(value=[Summary.Value(tag="loss", simple_value=0.5)]))`.
    @Test func eventRecordsAreFramedAsTensorBoardReadsThem() throws {
        #expect(TensorBoardRecord.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(
            TensorBoardRecord.scalars([(tag: "loss", value: 0.5)], step: 300, wallTime: 1) == [
                27, 0, 0, 0, 0, 0, 0, 0, 26, 13, 158, 19, 9, 0, 0, 0, 0, 0, 0, 240, 63, 16, 172, 2, 42, 13, 10, 11, 10, 4, 108,
                111,
                115, 115, 21, 0, 0, 0, 63, 78, 92, 31, 209,
            ])
    }
}
