// report.html: what is in it, for whom, and how large it gets.
import Files
import Foundation
@testable import Reporting
import Testing
@testable import Training

@Suite struct ReportTests {
    private func page(_ events: [TrainingEvent], phases: [RunPhase] = []) throws -> String {
        let path = try Samples.temporaryPath("report.html")
        let report = HTMLReport(path: path, metrics: path + ".jsonl", phases: phases)
        for event in events { report.observe(event) }
        return try String(contentsOfFile: path, encoding: .utf8)
    }

    @Test func itIsOneSelfContainedPage() throws {
        let page = try page([
            .started(Samples.facts()), Samples.step(1), Samples.step(2), Samples.evaluation(step: 2, epoch: 1),
            Samples.finished(step: 2),
        ])
        #expect(page.contains("<svg") && page.contains("finished after 2 steps in 1:01"))
        // One of two answers is right, and they are 90 % and 75 % sure.
        #expect(
            page.contains(">Calibration</h2>") && page.contains("Expected calibration error 42.50 % over 2 validation images"))
        #expect(page.contains("9.45 % to 90.55 % (95 of 100), after step 2"))
        #expect(page.contains("b/&lt;x&gt; &quot;1&quot;.jpg") && !page.contains("<x>") && !page.contains("http"))
        #expect(page.contains("Fewer than 20 training images: <bdi>a, &quot;b&quot;</bdi> (10)."))
    }

    @Test func everythingHasANameForThoseWhoHearIt() throws {
        let page = try page([.started(Samples.facts()), Samples.step(1), Samples.step(2), Samples.evaluation(step: 2, epoch: 1)])
        #expect(page.matches(of: /<svg/).count == page.matches(of: /<svg [^>]*role="img" aria-label="[^"]+"/).count)
        #expect(page.matches(of: /<table/).count == page.matches(of: /<table[^>]*><caption>[^<]+</).count)
        #expect(page.matches(of: /<th[ >]/).count == page.matches(of: /<th scope="(col|row)"/).count)
        let links = page.matches(of: /<a href="#(part\d+)"/).map { String($0.1) }
        #expect(links.count == 8 && links.allSatisfy { page.contains("<section id=\"\($0)\"") })
    }

    @Test func classesStandTheWorstFirst() throws {
        let html = ClassTables(Samples.run(classes: 40, images: 400)).classes
        let scores = html.matches(of: /([\d.]+) %<\/td><\/tr>/).compactMap { Double($0.1) }
        #expect(scores.count == 40 && scores == scores.sorted())
        #expect(html.contains("aria-sort=\"ascending\">F1</th>") && html.contains("data-find=\"Find a class\""))
    }

    @Test func fewClassesHaveAMatrixAndManyATable() {
        let (few, many) = (ClassTables(Samples.run(classes: 30, images: 300)), ClassTables(Samples.run(classes: 31, images: 310)))
        #expect(few.confusion.matches(of: /<td/).count == 30 * 30 + 1 && !many.confusion.contains("class=\"heat\""))
        #expect(many.confusion.contains("share of its class"))
    }

    /// The lowest and the highest of thousands of points are still there.
    @Test func thinnedLinesKeepTheirExtremes() {
        var points = (0..<5000).map { (x: Double($0), y: sin(Double($0) / 300)) }
        (points[1234].y, points[4321].y) = (9, -9)
        let kept = SVGPlot.thinned(points)
        #expect(kept.count <= SVGPlot.pointLimit && kept.first?.x == 0 && kept.last?.x == 4999)
        #expect(kept.contains { $0.x == 1234 && $0.y == 9 } && kept.contains { $0.x == 4321 && $0.y == -9 })
        #expect(zip(kept, kept.dropFirst()).allSatisfy { $0.x < $1.x })
        #expect(SVGPlot.thinned(Array(points.prefix(600))).count == 600)
    }

    @Test func aLossThatIsNoNumberIsLeftOut() {
        let plot = SVGPlot(
            title: "Loss", horizontal: "step", series: [.init(name: "loss", points: [(1, 2), (2, .nan), (3, .infinity), (4, 1)])])
        #expect(!plot.html.contains("nan") && !plot.html.contains("inf"))
    }

    @Test func phasesAreMarkedWhereTheyBegin() throws {
        let events =
            [.started(Samples.facts())] + [
                Samples.step(1), Samples.step(2), Samples.step(3, epoch: 1), Samples.step(4, epoch: 1),
            ]
        let phases = [RunPhase(epochsBefore: 0, words: "phase 1"), RunPhase(epochsBefore: 1, words: "phase 2")]
        let page = try page(events + [Samples.evaluation(step: 4, epoch: 2)], phases: phases)
        // From x = 50 at step 0 to 402 at step 4.
        #expect(page.contains("<line class=\"mark\" x1=\"314.0\" x2=\"314.0\"") && page.contains("<title>phase 2</title>"))
        #expect(!page.contains("<title>phase 1</title>"))
    }

    @Test func mistakesAreShownWithWhatALookAtThemFound() throws {
        let path = try Samples.temporaryPath("looked.html")
        let report = HTMLReport(path: path, metrics: path + ".jsonl")
        for event in [.started(Samples.facts()), Samples.evaluation(step: 2, epoch: 1)] { report.observe(event) }
        let (step, _, mistakes) = try #require(report.mistakes)
        #expect(step == 2 && mistakes.count == 1)
        var look = MistakeLook()
        look.heatMap = Array("heat".utf8)
        look.neighbours = [.init(file: FilePart("train/a<b>.jpg"), classes: [1], likeness: 0.875)]
        report.add([mistakes[0].sample: look])
        let page = try String(contentsOfFile: path, encoding: .utf8)
        #expect(page.contains("base64,\(Data("heat".utf8).base64EncodedString())") && page.contains("Grad-CAM"))
        #expect(page.contains("title=\"train/a&lt;b&gt;.jpg: likeness 0.88\"") && page.contains("the training photographs whose"))
        // The next evaluation's mistakes are others.
        report.observe(Samples.evaluation(step: 3, epoch: 2))
        #expect(try !String(contentsOfFile: path, encoding: .utf8).contains("Grad-CAM"))
    }

    @Test func aResumedRunShowsItsBeginning() throws {
        let path = try Samples.temporaryPath("metrics.jsonl")
        let lines = JSONLines(path: path)
        let report = HTMLReport(path: path + ".html", metrics: path)
        for observer in [lines, report] as [any TrainingObserver] {
            for event in [.started(Samples.facts()), Samples.step(1), Samples.step(2), Samples.evaluation(step: 2, epoch: 1)] {
                observer.observe(event)
            }
        }
        let resumed = HTMLReport(path: path + ".2.html", metrics: path)
        let before = try String(contentsOfFile: path + ".html", encoding: .utf8)
        resumed.observe(.started(Samples.facts(step: 2, epoch: 1)))
        resumed.observe(.stopped(step: 2))
        let after = try String(contentsOfFile: path + ".2.html", encoding: .utf8)
        for curve in ["training loss, each step", "images a second, each step", "learning rate"] {
            let line = try #require(before.firstRange(of: curve))
            #expect(after.contains(curve), "\(before[line])")
        }
        let polylines = before.matches(of: /<polyline class="s0[^>]*points="([^"]+)"/).prefix(4).map { String($0.1) }
        #expect(polylines.count == 4 && polylines.allSatisfy { after.contains($0) })
    }

    @Test func fiveThousandStepsOfAThousandClassesStaySmall() throws {
        let evaluation = Samples.run(classes: 1000, images: 5000)
        var events: [TrainingEvent] = [.started(Samples.facts())] + (1...5000).map { Samples.step($0, epoch: $0 / 500) }
        events.append(
            .evaluation(
                EvaluationReport(
                    step: 5000, epoch: 10, evaluation: evaluation, summary: evaluation.summary, isBest: true, seconds: 12)))
        let start = Date()
        let page = try page(events)
        #expect(page.utf8.count < 1_500_000, "\(page.utf8.count) bytes")
        // Rank 0 writes it while the others wait.
        #expect(Date().timeIntervalSince(start) < 10)
    }

    @Test func theMapRingsMistakes() throws {
        var evaluation = Samples.run(classes: 3, images: 120)
        evaluation.familiarity = Familiarity(
            features: evaluation.predictions.flatMap { [Float($0.label), Float($0.predicted), Float($0.sample % 7)] }, width: 3)
        let html = try #require(FeatureMap(evaluation)).html
        let wrong = evaluation.predictions.count { !evaluation.isRight($0) }
        #expect(wrong > 0 && html.matches(of: /<circle c/).count == 120 && html.matches(of: /class="miss [sh]/).count == wrong)
        #expect(html.contains("class 0/0.jpg: class 0"))
        #expect(FeatureMap(Samples.run(classes: 3, images: 120)) == nil)
    }
}
