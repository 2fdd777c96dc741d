// What is wrong with a config: every problem with its place, so that one run of the program shows them all.

/// Where a value was written.
package enum ConfigurationPlace: Sendable, Equatable, CustomStringConvertible {
    /// In this file as a whole: something is missing there.
    case file(String)
    /// On this line of the file, counted from 1.
    case line(String, Int)
    /// In this `--set` option.
    case option(String)
    /// In a value that a program made.
    case program

    package var description: String {
        switch self {
        case .file(let path): path
        case .line(let path, let line): "\(path):\(line)"
        case .option(let text): "--set \(text)"
        case .program: "configuration"
        }
    }
}

/// One thing that is wrong, and what to do about it.
package struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
    package let place: ConfigurationPlace
    /// The key that this is about, empty if it is about the file.
    package let key: [String]
    package let message: String

    /// For example `configs/x.yaml:14: training.epochs must be at least 1, found 0`.
    package var description: String { "\(place): \(message)" }
}

/// All problems of a config, in the order of the file, then of the options.
package struct ConfigurationProblems: Error, Sendable, Equatable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    init(_ problems: [ConfigurationProblem]) {
        // A stable sort: problems without a line stand before those with one, options last.
        let order = problems.indices.sorted { (Self.rank(problems[$0].place), $0) < (Self.rank(problems[$1].place), $1) }
        self.problems = order.map { problems[$0] }
    }

    /// One problem a line.
    package var description: String { problems.map(\.description).joined(separator: "\n") }

    private static func rank(_ place: ConfigurationPlace) -> Int {
        switch place {
        case .file, .program: 0
        case .line(_, let line): line
        case .option: .max
        }
    }
}
