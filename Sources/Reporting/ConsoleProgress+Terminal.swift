// The terminal behind standard output: whether there is one, and how wide it is.
import Foundation

extension ConsoleProgress {
    /// Where and how to print.
    package struct Terminal {
        package var isInteractive: Bool
        /// Characters a line.
        package var width: Int
        package var write: (String) -> Void

        package init(isInteractive: Bool, width: Int, write: @escaping (String) -> Void) {
            self.isInteractive = isInteractive
            self.width = width
            self.write = write
        }

        private static let unknownWidth = 100

        /// Standard output as it is: a terminal or not.
        package static func standardOutput() -> Terminal {
            let width = isatty(STDOUT_FILENO) == 1 ? visibleWidth() : nil
            return Terminal(isInteractive: width != nil, width: width ?? unknownWidth) {
                FileHandle.standardOutput.write(Data($0.utf8))
            }
        }

        /// The width of the terminal that a person sees; nil if there is none.
        ///
        /// Open MPI gives its ranks a pseudo-terminal without a size, even when its own output goes to a file: so where the launcher
        /// writes to is what counts.
        private static func visibleWidth() -> Int? {
            guard ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] != nil else { return width(of: STDOUT_FILENO) }
            let output = "/proc/\(getppid())/fd/1"
            let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: output)) ?? ""
            guard target.hasPrefix("/dev/pts/") || target.hasPrefix("/dev/tty") else { return nil }
            let descriptor = open(output, O_RDONLY | O_NOCTTY | O_CLOEXEC)
            guard descriptor >= 0 else { return unknownWidth }
            defer { close(descriptor) }
            return width(of: descriptor)
        }

        private static func width(of descriptor: Int32) -> Int {
            var size = winsize()
            let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
            return isKnown ? Int(size.ws_col) : unknownWidth
        }
    }
}
