// A web server for one test: serves files from memory on the loopback interface, with ranges and with what can go wrong.
import Foundation
import Synchronization

/// Serves until it is released.
final class LoopbackServer: Sendable {
    /// What the server is asked to do badly.
    struct Faults: Sendable {
        /// Ends the first answers to GET halfway.
        var cutAnswers = 0
        /// Answers with the whole file whatever range is asked for.
        var ignoresRanges = false
    }

    /// What stands in an answer besides the file.
    struct Manner: Sendable {
        /// Such as `401 Unauthorized`; nil for what follows from the rest.
        var status: String?
        /// Where the file is instead: an address, or a path of this server.
        var location: String?
        /// More lines of the answer's head.
        var fields: [String] = []
    }

    let port: Int
    private let socket: Int32
    private let files: [String: [UInt8]]
    private let faults: Faults
    private let manners: [String: Manner]
    private let log = Mutex<(requests: [String], cuts: Int, tokens: [String?])>(([], 0, []))

    /// The first line of each request, with the range asked for.
    var requests: [String] { log.withLock { $0.requests } }
    /// The authorization that came with each request.
    var tokens: [String?] { log.withLock { $0.tokens } }
    var address: String { "http://127.0.0.1:\(port)" }

    /// - Parameters:
    ///   - files: by name, without a slash at its beginning.
    ///   - manners: by the same names.
    init(_ files: [String: [UInt8]], faults: Faults = Faults(), manners: [String: Manner] = [:]) throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.socket = socket
        self.files = files
        self.faults = faults
        self.manners = manners
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && listen(socket, 8) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRNOTAVAIL) }
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = Thread { [weak self] in
            while true {
                let connection = accept(socket, nil, nil)
                guard connection >= 0, let self else { return }
                self.answer(connection)
                close(connection)
            }
        }
        thread.start()
    }

    deinit {
        shutdown(socket, Int32(SHUT_RDWR))
        close(socket)
    }

    /// One request a connection.
    private func answer(_ connection: Int32) {
        var text = ""
        while !text.hasSuffix("\r\n\r\n") {
            var byte: UInt8 = 0
            guard read(connection, &byte, 1) == 1 else { return }
            text.unicodeScalars.append(UnicodeScalar(byte))
        }
        let lines = text.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }.map { $0.dropFirst(13).prefix { $0 != "-" } }
        let token = lines.first { $0.lowercased().hasPrefix("authorization: ") }.map { String($0.dropFirst(15)) }
        log.withLock { log in
            log.requests.append("\(words[0]) \(words[1])" + (range.map { " from \($0)" } ?? ""))
            log.tokens.append(token)
        }
        let manner = manners[String(words[1].dropFirst())] ?? Manner()
        let fields = (manner.fields + (manner.location.map { ["Location: \($0)"] } ?? [])).map { "\($0)\r\n" }.joined()
        if let status = manner.status ?? manner.location.map({ _ in "302 Found" }) {
            return send("HTTP/1.1 \(status)\r\n\(fields)Content-Length: 0\r\nConnection: close\r\n\r\n", [], connection)
        }
        guard let file = files[String(words[1].dropFirst())] else {
            return send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", [], connection)
        }
        let start = faults.ignoresRanges ? 0 : range.flatMap { Int($0) } ?? 0
        let status =
            start > 0
            ? "206 Partial Content\r\nContent-Range: bytes \(start)-\(file.count - 1)/\(file.count)" : "200 OK"
        var body = words[0] == "HEAD" ? [] : Array(file[start...])
        let isCut =
            words[0] == "GET"
            && log.withLock { log in
                log.cuts += 1
                return log.cuts <= faults.cutAnswers
            }
        if isCut { body = Array(body.prefix(body.count / 2)) }
        send(
            "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(file.count - start)\r\nConnection: close\r\n\r\n", body, connection)
    }

    private func send(_ head: String, _ body: [UInt8], _ connection: Int32) {
        let bytes = Array(head.utf8) + body
        bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                // A client that went away must not end the tests with SIGPIPE.
                let count = Glibc.send(
                    connection, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return }
                sent += count
            }
        }
    }
}
