// A file that an observer appends to. Observers can change nothing, so a full disk costs the report and a warning, never the run.
import Files
import Foundation

/// Appends text to a file; says once, on standard error, when that stops working.
final class ReportFile {
    let path: String
    private var descriptor: Int32 = -1
    private var hasWarned = false

    init(path: String) { self.path = path }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The complete lines that the file holds now.
    var lines: [Substring] {
        guard let bytes = FileManager.default.contents(atPath: path) else { return [] }
        let text = String(decoding: bytes, as: UTF8.self)
        // What follows the last line end was cut off by a kill.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { $0 }
    }

    /// Begins the file anew with these bytes; later ones are appended.
    func begin(with bytes: [UInt8] = []) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { return warn(errno) }
        append(bytes)
    }

    /// Appends bytes. They reach the system at once: a killed run loses nothing that was announced.
    func append(_ bytes: [UInt8]) {
        guard descriptor >= 0, !hasWarned else { return }
        let code = bytes.withUnsafeBytes { writeAll($0) { start, count, _ in write(descriptor, start, count) } }
        if let code { warn(code) }
    }

    private func warn(_ code: Int32) {
        guard !hasWarned else { return }
        hasWarned = true
        let reason = String(cString: strerror(code))
        FileHandle.standardError.write(Data("warning: \(path) cannot be written (\(reason)); the run goes on without it\n".utf8))
    }
}
