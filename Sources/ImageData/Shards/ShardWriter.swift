// Writes photographs and their labels into a tar archive, as WebDataset's users and Graft look for them.
package import Files
internal import Foundation

/// An archive of samples in the making: for each its photograph, the number of its class (`.cls`), and a `.json` with the class's name and the
/// photograph's path; at the end the index, so that nobody has to walk over the archive to know what is in it.
package struct ShardWriter: ~Copyable {
    private var archive: TarWriter
    private var index = ShardIndex()

    package init(path: String) throws(FileError) { archive = try TarWriter(path: path) }

    /// The bytes that a sample takes: three headers, at most two blocks of label and facts, and in the index its name and 36 bytes of numbers.
    package static func byteCount(ofPhotograph size: Int, path: String) -> Int {
        (size + TarReader.blockSize - 1) / TarReader.blockSize * TarReader.blockSize + 5 * TarReader.blockSize + path.utf8.count
            + 36
    }

    /// Adds a sample.
    ///
    /// - Parameters:
    ///   - key: short ASCII without a dot, another for each sample.
    ///   - label: the number of its class in the whole data set, and the class's name.
    ///   - path: what the photograph is called.
    package mutating func add(
        _ key: String, _ photograph: UnsafeRawBufferPointer, label: (number: Int, name: String), path: String
    ) throws(FileError) {
        let start = Array(photograph.prefix(ImageFormat.tellingBytes))
        let offset = archive.byteCount + TarReader.blockSize
        try archive.add("\(key).\(ImageFormat.suffix(of: start) ?? "jpg")", photograph)
        try Array("\(label.number)".utf8).withBytes { (bytes) throws(FileError) in try archive.add("\(key).cls", bytes) }
        let facts = "{\"label\":\(label.name.quotedAsJSON),\"path\":\(path.quotedAsJSON)}\n"
        try Array(facts.utf8).withBytes { (bytes) throws(FileError) in try archive.add("\(key).json", bytes) }
        var sample = ShardIndex.Sample(name: path, offset: offset, size: photograph.count, start: start)
        sample.labels[ShardIndex.LabelKind.json.rawValue] = label.name
        sample.labels[ShardIndex.LabelKind.cls.rawValue] = "\(label.number)"
        index.append(sample)
    }

    /// Ends the archive and gives it its name.
    package consuming func finish() throws(FileError) {
        let content = index.sortedByName().file(at: archive.byteCount + TarReader.blockSize)
        try content.withBytes { (bytes) throws(FileError) in try archive.add(ShardIndex.fileName, bytes) }
        try archive.finish()
    }
}
