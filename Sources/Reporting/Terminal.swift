// Where people watch: whether it is a terminal, how wide it is now, and a line on it that is drawn over and over.
internal import Foundation
internal import Tensors

/// A terminal, or whatever stands in its place.
package struct Terminal {
    package let isInteractive: Bool
    private let measure: () -> Int
    package let write: (String) -> Void

    /// Columns a line, as of now: windows change.
    package var width: Int { measure() }

    package init(isInteractive: Bool, width: @autoclosure @escaping () -> Int, write: @escaping (String) -> Void) {
        self.isInteractive = isInteractive
        measure = width
        self.write = write
    }

    private static let unknownWidth = 100

    /// Standard output as it is: a terminal or not.
    ///
    /// Open MPI gives its ranks a pseudo-terminal without a size, even when its own output goes to a file: so where the launcher writes
    /// to is what counts.
    package static func standardOutput() -> Terminal {
        let write = { (text: String) in FileHandle.standardOutput.write(Data(text.utf8)) }
        guard isatty(STDOUT_FILENO) == 1 else { return Terminal(isInteractive: false, width: unknownWidth, write: write) }
        guard ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] != nil else {
            return Terminal(isInteractive: true, width: width(of: STDOUT_FILENO), write: write)
        }
        let output = "/proc/\(getppid())/fd/1"
        let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: output)) ?? ""
        let isSeen = target.hasPrefix("/dev/pts/") || target.hasPrefix("/dev/tty")
        let descriptor = isSeen ? open(output, O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1  // stays open as long as the process runs
        return Terminal(isInteractive: isSeen, width: width(of: descriptor), write: write)
    }

    /// Standard error as it is: a terminal or not.
    package static func standardError() -> Terminal {
        Terminal(isInteractive: isatty(STDERR_FILENO) == 1, width: width(of: STDERR_FILENO)) {
            FileHandle.standardError.write(Data($0.utf8))
        }
    }

    private static func width(of descriptor: Int32) -> Int {
        var size = winsize()
        let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
        return isKnown ? Int(size.ws_col) : unknownWidth
    }
}

/// A line of a terminal that is drawn over and over; what stands above it stays.
package struct LiveLine {
    private let terminal: Terminal
    private var drawnColumns = 0

    package init(_ terminal: Terminal) { self.terminal = terminal }

    /// Draws a text on a terminal, prints it as a line of its own elsewhere.
    package mutating func show(_ text: String) {
        if terminal.isInteractive { draw(text) } else { printAbove(text) }
    }

    /// Puts a text where the line is, cut to what the terminal is wide.
    package mutating func draw(_ text: String) {
        let width = terminal.width
        let line = text.fitted(to: width - 1)
        terminal.write(erasure(width) + line)
        drawnColumns = line.displayWidth
    }

    /// Takes the line away.
    package mutating func erase() {
        guard drawnColumns > 0 else { return }
        terminal.write(erasure(terminal.width))
        drawnColumns = 0
    }

    /// Prints a line that stays, where the live one stood.
    package mutating func printAbove(_ text: String) {
        terminal.write((drawnColumns > 0 ? erasure(terminal.width) : "") + text + "\n")
        drawnColumns = 0
    }

    /// To the line's start and everything behind it gone. A window that has become narrower since shows the line on several rows.
    private func erasure(_ width: Int) -> String {
        let rowsAbove = max(0, drawnColumns - 1) / max(width, 1)
        return rowsAbove > 0 ? "\r\u{1B}[\(rowsAbove)A\u{1B}[J" : "\r\u{1B}[K"
    }
}
