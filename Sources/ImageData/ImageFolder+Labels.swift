// Images whose classes stand in a list, or in their names, instead of folders.
internal import Foundation
package import Tensors

extension ImageFolder {
    /// A labelled list's images by split; splits without images are nil.
    package struct Splits: Sendable {
        package var training: ImageFolder
        package var validation: ImageFolder?
        package var test: ImageFolder?
    }

    /// The images of a list, whose paths are relative to `root`, or absolute. Classes are the labels of all splits; they and the samples
    /// are sorted as those of folders are, so that the same images give the same training.
    ///
    /// Throws `LabelError` with the lines of files that are not there, and for classes without training images.
    package static func labelled(by table: LabelTable, root: String) throws(LabelError) -> Splits {
        let named = table.classes ?? table.rows.flatMap(\.labels)
        let classes = Set(named.map { Array($0.utf8) }).map { String(decoding: $0, as: UTF8.self) }.sorted(by: bytewise)
        func fail(_ words: String) -> LabelError {
            LabelError(path: table.path, problems: [LabelProblem(line: nil, words: words)])
        }
        var spellings: Set<String> = []
        for name in classes where !spellings.insert(name).inserted {
            throw fail("has the label '\(name)' in two Unicode spellings; write it in one")
        }
        let labels = Dictionary(zip(classes.map { Array($0.utf8) }, classes.indices)) { first, _ in first }
        var samples: [LabelTable.Split: [ImageSample]] = [:]
        var problems: [LabelProblem] = []
        var lines: [String: Int] = [:]
        let place = ImageFolder(root: root, classes: [], samples: [])
        for row in table.rows {
            let path = relative(row.file, to: root)
            if let earlier = lines.updateValue(row.line, forKey: path) {
                problems.append(LabelProblem(line: row.line, words: "'\(row.file)' is the photograph of line \(earlier)"))
            }
            let found = row.labels.map { labels[Array($0.utf8)] ?? 0 }.sorted()
            var sample = ImageSample(path: path, label: found.first ?? 0, labels: table.hasSeveral ? found : nil)
            sample.weight = row.weight ?? 1
            var status = stat()
            if stat(place.path(of: sample), &status) != 0 {
                problems.append(LabelProblem(line: row.line, words: "there is no file '\(path)' in \(root)"))
            } else if status.st_mode & S_IFMT == S_IFDIR {
                problems.append(LabelProblem(line: row.line, words: "'\(path)' is a folder, not a photograph"))
            }
            samples[row.split ?? .train, default: []].append(sample)
        }
        guard problems.isEmpty else { throw LabelError(path: table.path, problems: problems) }
        func folder(_ split: LabelTable.Split) -> ImageFolder? {
            samples[split].map { ImageFolder(root: root, classes: classes, samples: $0.sorted { bytewise($0.path, $1.path) }) }
        }
        guard let training = folder(.train) else { throw fail("has no photographs to train on: every row is of another split") }
        let without = zip(classes, training.classCounts).filter { $1 == 0 }.map { "'\($0.0)'" }
        guard without.isEmpty else {
            throw fail("has labels without a photograph to train on: \(without.prefix(10).joined(separator: ", "))")
        }
        return Splits(training: training, validation: folder(.validation), test: folder(.test))
    }

    /// All files below `root` with the class that a pattern finds in their relative paths: `(?<label>…)`. Files that it does not match are
    /// left out and counted.
    ///
    /// Throws `ImageError` where nothing matches.
    package static func scan(_ root: String, labelledBy pattern: PathPattern) throws(ImageError) -> ImageFolder {
        let found = try everyFile(below: root)
        var labelled: [(path: String, name: String)] = []
        var unmatched: [String] = []
        for path in found.paths {
            if let name = pattern.part(of: path) { labelled.append((path, name)) } else { unmatched.append(path) }
        }
        guard !labelled.isEmpty else {
            throw ImageError(path: root, reason: .nothingMatches(pattern.text, example: unmatched.first))
        }
        let classes = Set(labelled.map(\.name)).sorted(by: bytewise)
        let labels = Dictionary(zip(classes, classes.indices)) { first, _ in first }
        var folder = ImageFolder(
            root: root, classes: classes, samples: labelled.map { ImageSample(path: $0.path, label: labels[$0.name] ?? 0) },
            notes: found.notes)
        folder.samples.sortByPath()
        folder.lookedInto = found.lookedInto
        if let first = unmatched.first {
            folder.notes.append(
                "\(root): \(unmatched.count) files are left out that data.label_pattern does not match, such as \(first)")
        }
        return folder
    }

    /// The folder without some images, named by paths relative to `base` or to this folder's root, or absolute; and how many there were.
    package func without(_ excluded: [String], relativeTo base: String) -> (folder: ImageFolder, count: Int) {
        func place(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
        var places: Set<String> = []
        for path in excluded {
            if path.hasPrefix("/") {
                places.insert(place(path))
            } else {
                places.formUnion([place("\(base)/\(path)"), place("\(root)/\(path)")])
            }
        }
        var result = self
        result.samples = samples.picked(samples.indices.filter { !places.contains(place(path(of: samples[$0]))) })
        return (result, samples.count - result.samples.count)
    }

    /// As the folder's own samples are named, where that can be.
    package static func relative(_ path: String, to root: String) -> String {
        var path = path
        while path.hasPrefix("./") { path.removeFirst(2) }
        let prefix = root.hasSuffix("/") ? root : root + "/"
        return path.hasPrefix("/") && path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }
}
