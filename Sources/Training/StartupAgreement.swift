// Compares what the ranks were started with before the first step, so that a difference is an error with a name instead of a
// hang or a silently wrong run.
package import Collectives
import Files
import Foundation
import Tensors

/// Digests of everything that must be the same on all ranks.
package struct StartupAgreement: Sendable {
    /// Things and their digests or values, in the order in which they are compared.
    package private(set) var facts: [Fact] = []

    package struct Fact: Sendable, Equatable, Codable {
        /// What it is, as the middle of a sentence: `config`, `list of training files`.
        package let thing: String
        package let value: String
    }

    private struct Statement: Codable {
        let host: String
        let facts: [Fact]
    }

    package init() {}

    /// Adds a short value, such as a count or a name.
    package mutating func add(_ thing: String, value: String) {
        facts.append(Fact(thing: thing, value: value))
    }

    /// Adds texts, such as a list of names, by their digest.
    package mutating func add(_ thing: String, digestOf texts: some Sequence<String>) {
        add(thing, value: digest(of: texts))
    }

    /// Adds numbers, such as a layout, by their digest.
    package mutating func add(_ thing: String, digestOf numbers: some Sequence<Int>) {
        var checksum = Checksum()
        for number in numbers { checksum.update(number) }
        add(thing, value: checksum.hexadecimal)
    }

    /// Compares the facts of all ranks. Throws, on every rank alike, for the first rank and thing that differs from rank 0.
    package func check(_ communicator: any Communicator) throws {
        let own = try JSONEncoder().encode(Statement(host: communicator.hostName, facts: facts))
        let statements = try communicator.gather([UInt8](own)).map { try JSONDecoder().decode(Statement.self, from: Data($0)) }
        let root = statements[0].facts
        for (rank, statement) in statements.enumerated() {
            guard
                let index = (0..<max(root.count, statement.facts.count)).first(where: { index in
                    !root.indices.contains(index) || !statement.facts.indices.contains(index)
                        || root[index] != statement.facts[index]
                })
            else { continue }
            let (own, expected) = (statement.facts.dropFirst(index).first, root.dropFirst(index).first)
            throw TrainingError.ranksDisagree(
                thing: expected?.thing ?? own?.thing ?? "program", rank: rank, host: statement.host,
                value: own?.value ?? "nothing",
                rootValue: expected?.value ?? "nothing")
        }
    }
}

/// The digest of a sequence of texts, as 16 hexadecimal digits.
package func digest(of texts: some Sequence<String>) -> String {
    var checksum = Checksum()
    for text in texts { checksum.update(text) }
    return checksum.hexadecimal
}
