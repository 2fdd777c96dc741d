// `graft pack`: a folder of photographs as tar shards, for file systems that dislike many small files.
import ArgumentParser
import Files
import Foundation
import ImageData
import PlanReports
import Tensors

struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack", abstract: "Writes a class folder's photographs into tar shards.",
        discussion: """
            graft pack data/train shards --shard-size 1GB

            writes shards/train-000.tar and so on, in WebDataset's form: for each photograph its file as it is, a .cls with the \
            number of its class, and a .json with the class's name and the photograph's path; the last file is an index, by which \
            training starts without a walk over the archive. data.train: 'shards/train-{000..009}.tar' trains on them in place, in \
            the order and with the result of the folder.
            """)

    @Argument(help: ArgumentHelp("A folder with a folder of photographs for each class.", valueName: "source"))
    var source: String
    @Argument(help: ArgumentHelp("The folder to write into; made if it is not there.", valueName: "out"))
    var out: String
    @Option(help: ArgumentHelp("How large a shard may become, such as 500MB or 1GB.", valueName: "size"))
    var shardSize = ByteSize(bytes: 1_000_000_000)
    @Flag(help: "Prints one JSON object.")
    var json = false

    func run() throws { try reportingErrors(pack) }

    private func pack() throws {
        let folder = try ImageFolder.scan(source)
        for note in folder.notes { say("note: \(note)") }
        let name = URL(fileURLWithPath: source).standardizedFileURL.lastPathComponent
        // In an order that mixes classes, for readers who go through a shard from its beginning.
        let keys = folder.sampleKeys
        let order = folder.samples.indices.sorted { (UInt(bitPattern: keys[$0]), $0) < (UInt(bitPattern: keys[$1]), $1) }
        let shards = try Self.cut(order.map { try Self.size(of: folder.samples[$0], in: folder) }, at: shardSize.bytes)
        let digits = max(3, String(shards.count - 1).count)
        func path(_ number: Int) -> String { "\(out)/\(name)-\(number.padded(to: digits)).tar" }
        if let old = shards.indices.map(path).first(where: { FileManager.default.fileExists(atPath: $0) }) {
            throw UserError("\(old) is there already; name another folder, or remove it")
        }
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        let work = WorkProgress("packed")
        for (number, range) in shards.enumerated() {
            var shard = try ShardWriter(path: path(number))
            for position in range {
                try Self.add(folder, order[position], at: position, to: &shard)
                work.tell(position + 1, of: order.count)
            }
            try shard.finish()
        }
        let pattern =
            shards.count == 1
            ? path(0) : "\(out)/\(name)-{\(0.padded(to: digits))..\((shards.count - 1).padded(to: digits))}.tar"
        let summary = Summary(
            images: order.count, classes: folder.classes.count, shards: shards.indices.map(path), pattern: pattern)
        print(
            json
                ? try summary.jsonLine()
                : "\(order.count) photographs of \(folder.classes.count) classes in \(shards.count == 1 ? "one shard" : "\(shards.count) shards")\ndata.train: '\(pattern)'"
        )
    }

    private struct Summary: Encodable {
        let images: Int
        let classes: Int
        let shards: [String]
        let pattern: String
    }

    /// What a sample takes in a shard.
    private static func size(of image: ImageSample, in folder: ImageFolder) throws -> Int {
        let part = folder.part(of: image)
        guard let size = part.state?.size else { throw UserError("\(part.name) cannot be read any more; start again") }
        return ShardWriter.byteCount(ofPhotograph: size, path: image.path)
    }

    /// Positions of the order, shard by shard.
    private static func cut(_ sizes: [Int], at limit: Int) throws -> [Range<Int>] {
        var (ranges, start, bytes) = ([Range<Int>](), 0, 0)
        for (position, own) in sizes.enumerated() {
            if position > start, bytes + own > limit {
                ranges.append(start..<position)
                (start, bytes) = (position, 0)
            }
            bytes += own
        }
        return ranges + [start..<sizes.count]
    }

    private static func add(_ folder: ImageFolder, _ sample: Int, at position: Int, to shard: inout ShardWriter) throws {
        let image = folder.samples[sample]
        let part = folder.part(of: image)
        guard let bytes = part.contents(atMost: 1 << 30) else {
            throw UserError("\(part.name) cannot be read; check its permissions")
        }
        try bytes.withUnsafeBytes {
            try shard.add(position.padded(to: 9), $0, label: (image.label, folder.classes[image.label]), path: image.path)
        }
    }
}

/// A number of bytes as people write it: `1GB`, `500 MB`, `65536`.
struct ByteSize: ExpressibleByArgument {
    let bytes: Int

    init(bytes: Int) { self.bytes = bytes }

    init?(argument: String) {
        let text = argument.trimmingCharacters(in: .whitespaces).uppercased()
        let digits = text.prefix { $0.isNumber || $0 == "." }
        let unit = text.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
        let units: [String: Double] = [
            "": 1, "B": 1, "K": 1e3, "KB": 1e3, "M": 1e6, "MB": 1e6, "G": 1e9, "GB": 1e9, "T": 1e12, "TB": 1e12, "KIB": 0x1p10,
            "MIB": 0x1p20, "GIB": 0x1p30,
        ]
        guard let number = Double(digits), let factor = units[unit], number * factor >= 1, number * factor < 1e15 else {
            return nil
        }
        bytes = Int(number * factor)
    }

    var defaultValueDescription: String { "1GB" }
}
