// Lists of photographs with their labels, as people and other tools write them: CSV, TSV, JSON lines.
import Files
internal import Foundation
package import Tensors

/// What is wrong with a list, and where.
struct LabelProblem: Error {
    /// From 1; nil where it is about the whole file.
    let line: Int?
    let words: String
}

/// A list of labels that cannot be used: every problem with its line.
package struct LabelError: Error, CustomStringConvertible {
    package let path: String
    let problems: [LabelProblem]

    private static let shown = 5

    package var description: String {
        let lines = problems.prefix(Self.shown).map { problem in
            path + (problem.line.map { ":\($0)" } ?? "") + ": " + problem.words
        }
        let more = problems.count > Self.shown ? ["and \(problems.count - Self.shown) more such rows"] : []
        return (lines + more).joined(separator: "\n")
    }
}

/// A list's rows.
package struct LabelTable: Sendable {
    /// What the columns are called.
    package struct Columns: Sendable {
        package var file, split, group, weight: String
        package var label: LabelColumns
        /// What stands between several labels of one photograph; nil where each has exactly one.
        package var separator: String?

        package init(
            file: String = "file", label: LabelColumns = .one("label"), split: String = "split", group: String = "group",
            weight: String = "weight", separator: String? = nil
        ) {
            (self.file, self.label, self.split, self.group, self.weight) = (file, label, split, group, weight)
            self.separator = separator
        }
    }

    /// A part of a data set.
    package enum Split: Sendable, Hashable { case train, validation, test }

    package struct Row: Sendable, Equatable {
        package let line: Int
        package let file: String
        /// Exactly one, unless photographs may have several or none.
        package let labels: [String]
        /// Nil where the list has no such column.
        package let split: Split?
        package let group: String?
        /// What it weighs in the loss; nil where the list has no such column.
        package let weight: Float?
    }

    package let path: String
    package let rows: [Row]
    package let hasSplits: Bool
    package let hasGroups: Bool
    /// The classes, where columns name them.
    package let classes: [String]?
    /// Whether photographs may have several labels, or none.
    package let hasSeveral: Bool

    /// Reads a list of labels.
    ///
    /// The suffix tells JSON lines (`.jsonl`, `.ndjson`) from tables; a table's header tells whether tabs, commas or semicolons stand between
    /// fields. Where there is no column `file`, one named `file_name` stands for it, as in data sets of Hugging Face's hub.
    ///
    /// Throws `LabelError` naming the lines of rows that cannot be read, and columns that are not there.
    package init(path: String, columns: Columns = Columns()) throws(LabelError) {
        let table = try Self.table(path, separator: columns.separator)
        func fail(_ words: String) -> LabelError { LabelError(path: path, problems: [LabelProblem(line: nil, words: words)]) }
        func place(_ name: String) -> Int? { table.columns.firstIndex(of: name) }
        func required(_ name: String, _ key: String) throws(LabelError) -> Int {
            if let found = place(name) { return found }
            if key == "file", name == "file", let found = place("file_name") { return found }
            throw fail(
                "has no column '\(name)' (its columns: \(table.columns.joined(separator: ", "))); name it with data.columns.\(key)"
            )
        }
        let file = try required(columns.file, "file")
        let labels: Labels
        switch columns.label {
        case .one(let name): labels = .text(try required(name, "label"), separator: columns.separator)
        case .each(let names):
            labels = .flags(
                try names.map { name throws(LabelError) in FlagColumn(name: name, place: try required(name, "label")) })
        }
        func optional(_ name: String, usually: String, _ key: String) throws(LabelError) -> Int? {
            if name != usually { return try required(name, key) }
            return place(name)
        }
        let split = try optional(columns.split, usually: "split", "split")
        let group = try optional(columns.group, usually: "group", "group")
        let weight = try optional(columns.weight, usually: "weight", "weight")
        var (rows, problems) = ([Row](), [LabelProblem]())
        var seen: [String: Int] = [:]
        for row in table.rows {
            do throws(LabelProblem) {
                guard row.fields.count == table.columns.count else {
                    let counts = "\(row.fields.count) fields where the header has \(table.columns.count)"
                    throw LabelProblem(line: row.line, words: "the row has \(counts)")
                }
                let name = row.fields[file]
                guard !name.isEmpty else { throw LabelProblem(line: row.line, words: "the row names no file") }
                let found = try labels.read(row, of: name)
                if let earlier = seen.updateValue(row.line, forKey: name) {
                    throw LabelProblem(line: row.line, words: "'\(name)' stands in line \(earlier) already")
                }
                rows.append(
                    Row(
                        line: row.line, file: name, labels: found,
                        split: try split.map { place throws(LabelProblem) in try Self.split(row.fields[place], row.line) },
                        group: group.map { row.fields[$0] },
                        weight: try weight.map { place throws(LabelProblem) in try Self.weight(row.fields[place], row.line) }))
            } catch {
                problems.append(error)
            }
        }
        guard problems.isEmpty else { throw LabelError(path: path, problems: problems) }
        guard !rows.isEmpty else { throw fail("lists no photographs") }
        (self.path, self.rows) = (path, rows)
        (hasSplits, hasGroups) = (split != nil, group != nil)
        switch columns.label {
        case .one: (classes, hasSeveral) = (nil, columns.separator != nil)
        case .each(let names): (classes, hasSeveral) = (names, true)
        }
    }

    private struct FlagColumn {
        let name: String
        let place: Int
    }

    /// Where a row's labels are.
    private enum Labels {
        case text(Int, separator: String?)
        case flags([FlagColumn])

        func read(_ row: DelimitedText.Row, of name: String) throws(LabelProblem) -> [String] {
            switch self {
            case .text(let place, nil):
                guard !row.fields[place].isEmpty else { throw LabelProblem(line: row.line, words: "'\(name)' has no label") }
                return [row.fields[place]]
            case .text(let place, let separator?):
                let parts = row.fields[place].components(separatedBy: separator).map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
                var found: [String] = []
                for part in parts where !part.isEmpty {
                    guard !found.contains(part) else {
                        throw LabelProblem(line: row.line, words: "'\(name)' has the label '\(part)' twice")
                    }
                    found.append(part)
                }
                return found
            case .flags(let columns):
                var found: [String] = []
                for column in columns where try Self.isSet(row.fields[column.place], column.name, row.line) {
                    found.append(column.name)
                }
                return found
            }
        }

        private static func isSet(_ word: String, _ column: String, _ line: Int) throws(LabelProblem) -> Bool {
            switch word.trimmingCharacters(in: .whitespaces).lowercased() {
            case "1", "1.0", "true", "yes": true
            case "0", "0.0", "false", "no", "": false
            default: throw LabelProblem(line: line, words: "the column '\(column)' holds 1 or 0, not '\(word)'")
            }
        }
    }

    private static func split(_ word: String, _ line: Int) throws(LabelProblem) -> Split {
        switch word.lowercased() {
        case "train", "training", "": .train
        case "validation", "valid", "val", "dev": .validation
        case "test", "testing": .test
        default: throw LabelProblem(line: line, words: "the split is train, validation or test, not '\(word)'")
        }
    }

    /// An empty field weighs 1.
    private static func weight(_ text: String, _ line: Int) throws(LabelProblem) -> Float {
        let trimmed = text.trimmingCharacters(in: .whitespaces)
        guard let weight = trimmed.isEmpty ? 1 : Float(trimmed), weight >= 0, weight.isFinite else {
            throw LabelProblem(line: line, words: "the weight is a number from 0 on, not '\(text)'")
        }
        return weight
    }

    /// The files of a list that needs no more than them: a table's column of files, or where it has none each line's text.
    package static func files(in path: String, columns: Columns = Columns()) throws(LabelError) -> [String] {
        let table = try table(path)
        for name in [columns.file, "file_name"] {
            if let place = table.columns.firstIndex(of: name) {
                return table.rows.compactMap { place < $0.fields.count ? $0.fields[place] : nil }
            }
        }
        return try text(of: path).split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    private struct Raw {
        let columns: [String]
        let rows: [DelimitedText.Row]
    }

    private static func table(_ path: String, separator several: String? = nil) throws(LabelError) -> Raw {
        let text = try text(of: path)
        let suffix = URL(fileURLWithPath: path).pathExtension.lowercased()
        do throws(LabelProblem) {
            if ["jsonl", "ndjson"].contains(suffix) { return try objects(text, separator: several) }
            let header = text.prefix { !$0.isNewline }
            let separator: Character = ["\t", ",", ";"].first { header.contains($0) } ?? ","
            let rows = try DelimitedText(text, separator: separator.asciiValue ?? 44).rows
            guard let first = rows.first else { throw LabelProblem(line: nil, words: "is empty") }
            return Raw(columns: first.fields.map { $0.trimmingCharacters(in: .whitespaces) }, rows: Array(rows.dropFirst()))
        } catch {
            throw LabelError(path: path, problems: [error])
        }
    }

    /// JSON lines: the keys of all objects are the columns, what an object lacks is empty; lists of texts are joined by the separator.
    private static func objects(_ text: String, separator: String?) throws(LabelProblem) -> Raw {
        var (columns, objects) = ([String](), [(line: Int, values: [String: String])]())
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            guard !line.allSatisfy(\.isWhitespace) else { continue }
            guard let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any] else {
                throw LabelProblem(line: index + 1, words: "the line is not a JSON object")
            }
            var values: [String: String] = [:]
            for (key, value) in object {
                switch value {
                case let text as String: values[key] = text
                case let number as NSNumber: values[key] = number.stringValue
                case let texts as [String]: if let separator { values[key] = texts.joined(separator: separator) }
                default: continue
                }
            }
            columns += object.keys.sorted().filter { !columns.contains($0) }
            objects.append((index + 1, values))
        }
        guard !objects.isEmpty else { throw LabelProblem(line: nil, words: "is empty") }
        return Raw(
            columns: columns,
            rows: objects.map { object in
                DelimitedText.Row(line: object.line, fields: columns.map { object.values[$0] ?? "" })
            })
    }

    private static func text(of path: String) throws(LabelError) -> String {
        func fail(_ words: String, line: Int? = nil) -> LabelError {
            LabelError(path: path, problems: [LabelProblem(line: line, words: words)])
        }
        var bytes: [UInt8]
        do {
            let file = try MappedFile(path)
            bytes = withExtendedLifetime(file) { Array(file.bytes) }
        } catch {
            throw fail("\(error.problem); \(error.advice)")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw fail("is UTF-16 text; save it as UTF-8")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
        throw fail("is not UTF-8 text; save it so", line: bad.map { $0 + 1 })
    }
}
