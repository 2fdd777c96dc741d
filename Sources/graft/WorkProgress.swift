// How far something is that takes longer than two seconds: lines on standard error, with a rate and what is left.
import Foundation
import Reporting

/// Tells of images that are worked through, one by one or batch by batch.
final class WorkProgress {
    private let verb: String
    private let things: String
    private let start = ProcessInfo.processInfo.systemUptime
    private var last: Double
    private let terminal = Terminal.standardError()
    private var line: LiveLine

    /// - Parameter verb: what was done with them, as in `evaluated`.
    init(_ verb: String, _ things: String = "images") {
        (self.verb, self.things, last) = (verb, things, start)
        line = LiveLine(terminal)
    }

    /// A line that rewrites itself on a terminal, after two seconds and then often; elsewhere one every ten seconds.
    func tell(_ done: Int, of total: Int) {
        let now = ProcessInfo.processInfo.systemUptime
        if done == total { return line.erase() }
        guard now - start > 2, now - last > (terminal.isInteractive ? 0.2 : 10) || last == start else { return }
        last = now
        let rate = Double(done) / (now - start)
        let left = Int((Double(total - done) / max(rate, 1e-9)).rounded())
        let text =
            "\(verb) \(done) of \(total) \(things), \(String(format: "%.1f", rate)) a second, ETA \(left / 60):\(String(format: "%02d", left % 60))"
        line.show(text)
    }
}
