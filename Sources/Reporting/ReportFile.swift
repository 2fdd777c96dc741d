// A file that an observer appends to. Observers can change nothing, so a full disk costs the report and a warning, never the run.
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
        guard descriptor >= 0 else { return warn() }
        append(bytes)
    }

    /// Appends bytes. They reach the system at once: a killed run loses nothing that was announced.
    func append(_ bytes: [UInt8]) {
        guard descriptor >= 0, !hasWarned else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return warn() }
            rest = rest.dropFirst(count)
        }
    }

    private func warn() {
        guard !hasWarned else { return }
        hasWarned = true
        let reason = String(cString: strerror(errno))
        FileHandle.standardError.write(Data("warning: \(path) cannot be written (\(reason)); the run goes on without it\n".utf8))
    }
}
