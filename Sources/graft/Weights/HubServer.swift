// What the hub's server says about a file: where its bytes are, how many, and their digest.
import Collectives
import Foundation

/// Asks for the files of one model.
struct HubServer {
    let endpoint: String
    let model: HubReference
    /// Sent to the endpoint's scheme, host and port alone.
    let token: String?
    var isStopped: () -> Bool = { false }

    /// Where a file is.
    struct Place: Equatable {
        var address: String
        /// What goes to that address; nil where it is another host's.
        var token: String?
        /// As stated; nil where it is not.
        var size: Int?
        /// SHA-256, where the hub states one.
        var digest: String?
        var commit: String?
    }

    private static let maximumRedirects = 8

    /// Finds a file. Redirects within the endpoint are followed with the token; the first that leads elsewhere is where the bytes are, and
    /// nothing is asked there.
    ///
    /// Returns nil for a file that the model lacks. Throws `UserError` for a model that is not there or not to be had.
    func place(of file: String, _ revision: String) throws -> Place? {
        if let token, token.contains(where: { !$0.isASCII || $0.isWhitespace || $0 == "\"" || $0 == "\\" }) {
            throw UserError("HF_TOKEN holds characters that no token has; set it to the token alone")
        }
        var place = Place(address: "\(endpoint)/\(model.repository)/resolve/\(revision)/\(file)", token: token)
        for _ in 0..<Self.maximumRedirects {
            let answer = try head(place)
            place.size = place.size ?? answer["x-linked-size"].flatMap { Int($0) }
            place.digest = place.digest ?? Self.digest(answer["x-linked-etag"] ?? answer["etag"])
            place.commit =
                place.commit ?? answer["x-repo-commit"].flatMap { $0.allSatisfy(\.isHexDigit) && $0.count == 40 ? $0 : nil }
            switch answer.status {
            case 200:
                place.size = place.size ?? answer["content-length"].flatMap { Int($0) }
                return place
            case 301, 302, 303, 307, 308:
                guard let target = answer["location"].flatMap({ URL(string: $0, relativeTo: URL(string: place.address)) }) else {
                    throw failure(file, "it redirects to nowhere")
                }
                place.address = target.absoluteString
                guard isOwn(target) else {
                    place.token = nil
                    return place
                }
            case 404 where answer["x-error-code"] == nil || answer["x-error-code"] == "EntryNotFound": return nil
            case 404 where answer["x-error-code"] == "RevisionNotFound":
                throw failure(file, "there is no revision '\(model.revision)'")
            case 401, 403, 404:
                throw failure(
                    file, "there is no such model, or it is private or gated: set HF_TOKEN to a token that may read it")
            default: throw failure(file, "the server answers \(answer.status)")
            }
        }
        throw failure(file, "it redirects without end")
    }

    private func failure(_ file: String, _ reason: String) -> UserError {
        UserError("cannot fetch \(file) of hf:\(model.repository) from \(endpoint): \(reason)")
    }

    private func isOwn(_ target: URL) -> Bool {
        guard let own = URL(string: endpoint) else { return false }
        return target.scheme == own.scheme && target.host == own.host && target.port == own.port && target.user == nil
    }

    /// The SHA-256 in a tag: the hub's tags of large files are that; those of small ones are Git's.
    private static func digest(_ tag: String?) -> String? {
        guard var tag else { return nil }
        if tag.hasPrefix("W/") { tag.removeFirst(2) }
        tag = tag.trimmingCharacters(in: ["\""]).lowercased()
        return tag.count == 64 && tag.allSatisfy(\.isHexDigit) ? tag : nil
    }

    private struct Answer {
        var status = 0
        var fields: [String: String] = [:]
        subscript(_ name: String) -> String? { fields[name] }
    }

    private func head(_ place: Place) throws -> Answer {
        let curl = Curl(token: place.token, followsRedirects: false, isStopped: isStopped)
        let said: Curl.Answer
        do {
            said = try curl.run(["--head", "--header", "Accept-Encoding: identity"], place.address)
        } catch let error as Curl.Failure { throw UserError("cannot fetch \(place.address): \(error.reason)") }
        guard said.status == 0 else {
            throw UserError(
                "cannot fetch \(place.address): \(said.reason); fetch the model where there is a connection, or name a folder with its "
                    + "files as network.weights")
        }
        var answer = Answer()
        for line in said.output.split(whereSeparator: \.isNewline) {
            // A proxy's answer stands before the server's.
            if line.hasPrefix("HTTP/") {
                answer = Answer(status: line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
                continue
            }
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            answer.fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return answer
    }
}
