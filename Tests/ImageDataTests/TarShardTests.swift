// Tar shards: what the webdataset package wrote reads, what is written here reads back, and damaged archives are refused in a sentence.
import Files
import Foundation
import Testing

@testable import ImageData

@Suite struct TarShardTests {
    private func read(_ shards: String, separator: String? = nil) throws -> ImageFolder {
        let memory = try TemporaryFolder()
        return try ImageFolder.shards(shards, rememberedIn: memory.path, separator: separator)
    }

    @Test(arguments: [("cls", ["0", "10"]), ("txt", ["ant", "bee"]), ("json", ["ant", "bee"])])
    func archivesOfTheWebdatasetPackageRead(_ kind: String, _ classes: [String]) throws {
        let folder = try read(Fixture.path("shards/\(kind).tar"))
        #expect(folder.classes == classes && folder.samples.map(\.label) == [0, 0, 1, 1])
        #expect(folder.samples.map(\.path) == ["ant/one.jpg", "ant/two.png", "bee/one.jpg", "bee/two.png"])
        let decoder = ImageDecoder()
        for (index, sample) in folder.samples.enumerated() {
            let image = try decoder.open(folder.part(of: sample))
            #expect(image.width == 8 + index && image.height == 8)
        }
        #expect(folder.verify(threads: 2).unreadable.isEmpty && folder.foreignFormats().isEmpty)
        #expect(ImageCopies(among: [folder, folder]).pairs.count == 4)
    }

    @Test func severalLabelsAndLongNamesRead() throws {
        let many = try read(Fixture.path("shards/many.tar"), separator: "|")
        #expect(many.classes == ["ant", "bee", "small"] && many.samples.map(\.labels) == [[], [0, 2], [1, 2], [1, 2]])
        #expect(throws: ShardError.self) { try read(Fixture.path("shards/many.tar")) }
        let long = try read(Fixture.path("shards/long.tar"))
        #expect(long.classes == ["ant é", "bee é"] && long.samples[0].path.utf8.count > 300)
    }

    /// Names are digits or letters, and a path in the `.json` is what the sample is called.
    @Test func whatIsWrittenHereReadsBack() throws {
        let place = try TemporaryFolder()
        for number in 0..<3 {
            var shard = try TarWriter(path: "\(place.path)/s-\(number).tar")
            for sample in 0..<2 {
                let (key, path) = ("\(number)\(sample)", "b.\(9 - number)/\(sample).x.jpg")
                for (suffix, text) in [
                    ("jpg", "pixels \(key)"), ("cls", "4"), ("json", "{\"label\":\"b\(number % 2)\",\"path\":\"\(path)\"}"),
                ] {
                    try Array(text.utf8).withUnsafeBytes { try shard.add("\(key).\(suffix)", $0) }
                }
            }
            try shard.finish()
        }
        let folder = try ImageFolder.shards("\(place.path)/s-{0..2}.tar", rememberedIn: "\(place.path)/memory")
        #expect(folder.classes == ["b0", "b1"])
        #expect(
            folder.samples.map(\.path) == [
                "b.7/0.x.jpg", "b.7/1.x.jpg", "b.8/0.x.jpg", "b.8/1.x.jpg", "b.9/0.x.jpg", "b.9/1.x.jpg",
            ])
        let part = folder.part(of: folder.samples[1])
        let bytes = try part.read(atMost: 100) { UnsafeMutableRawPointer.allocate(byteCount: $0, alignment: 1) }
        #expect(String(decoding: bytes, as: UTF8.self) == "pixels 21" && part.name == "\(place.path)/s-2.tar/b.7/1.x.jpg")
        // From memory the same, and anew where an archive has changed or the memory is damaged.
        let again = try ImageFolder.shards("\(place.path)/s-*.tar", rememberedIn: "\(place.path)/memory")
        #expect(again.samples == folder.samples)
        for file in try FileManager.default.contentsOfDirectory(atPath: "\(place.path)/memory") {
            let path = "\(place.path)/memory/\(file)"
            var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            bytes[bytes.count - 3] ^= 0xFF
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        }
        #expect(try ImageFolder.shards("\(place.path)/s-*.tar", rememberedIn: "\(place.path)/memory").samples == folder.samples)
        // Where nothing can be remembered, archives are looked through each time.
        #expect(try ImageFolder.shards("\(place.path)/s-*.tar", rememberedIn: "/dev/null/nowhere").samples == folder.samples)
    }

    /// An archive of three samples with its index.
    private func writeIndexed(_ path: String) throws {
        var shard = try ShardWriter(path: path)
        for (number, name) in ["ant \"a\"", "bee é", "ant \"a\""].enumerated() {
            try Array("pixels \(number)".utf8).withUnsafeBytes {
                try shard.add("00\(number)", $0, label: (number % 2, name), path: "\(name)/\(9 - number).x.jpg")
            }
        }
        try shard.finish()
    }

    /// The index says what a walk finds, and is asked first; where other programs have changed an archive, it is walked over.
    @Test func archivesBringTheirIndex() throws {
        let place = try TemporaryFolder()
        let path = "\(place.path)/s.tar"
        try writeIndexed(path)
        let walked = try ShardIndex(walking: TarReader(path: path), path: path).sortedByName()
        let own = try ShardIndex.of(path, rememberedIn: "\(place.path)/memory")
        #expect(own == walked && own.count == 3 && own.labels[0].texts == ["ant \"a\"", "bee é"])
        #expect(!FileManager.default.fileExists(atPath: "\(place.path)/memory"), "there was nothing to remember")
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        func samples(_ bytes: [UInt8]) throws -> [String] {
            let changed = try place.write("changed.tar", bytes)
            return Array(try ImageFolder.shards(changed, rememberedIn: "/dev/null/nowhere").samples.paths)
        }
        let paths = ["ant \"a\"/7.x.jpg", "ant \"a\"/9.x.jpg", "bee é/8.x.jpg"]
        // Nobody looks at a header between.
        let headerless = whole[..<512] + [UInt8](repeating: 9, count: 512) + whole[1024...]
        #expect(try samples(Array(headerless)) == paths)
        let more = Self.entry("z.jpg", "x") + Self.entry("z.json", "{\"label\":\"bee é\"}")
        #expect(try samples(whole.dropLast(1024) + more + Self.end) == paths + ["z.jpg"])
        #expect(try samples(more + whole) == paths + ["z.jpg"])
        let firstSample = 6 * 512
        #expect(try samples(Array(whole[firstSample...])) == [paths[0], paths[2]])
        // Damaged in itself.
        var damaged = whole
        damaged[whole.count - 1024 - 512] ^= 1
        #expect(try samples(damaged) == paths)
    }

    /// What is no photograph that is read is known without reading it again, on other ranks too.
    @Test func archivesSayWhatIsNotRead() throws {
        let place = try TemporaryFolder()
        var shard = try ShardWriter(path: "\(place.path)/s.tar")
        for (number, start) in [[0xFF, 0xD8, 0xFF, 1], [0xFF, 0x0A, 1], [1, 2, 3]].enumerated() as EnumeratedSequence<[[UInt8]]> {
            try start.withUnsafeBytes {
                try shard.add("\(number)", $0, label: (0, "a"), path: "a/\(9 - number).jpg")
            }
        }
        try shard.finish()
        let folder = try read("\(place.path)/s.tar")
        try FileManager.default.removeItem(atPath: "\(place.path)/s.tar")
        #expect(folder.foreignFormats() == ["a/8.jpg (a JPEG XL image)"])
        var part = folder
        part.samples = folder.samples.picked([0, 2])
        #expect(part.foreignFormats().isEmpty)
    }

    /// An index with a checksum that fits may say anything.
    @Test func hostileIndicesAreNoIndices() throws {
        let place = try TemporaryFolder()
        try writeIndexed("\(place.path)/s.tar")
        let index = try ShardIndex.of("\(place.path)/s.tar", rememberedIn: "/dev/null/nowhere")
        #expect(ShardIndex(index.bytes, archiveSize: 10_000) == index)
        #expect(ShardIndex(index.bytes, archiveSize: 1000) == nil, "beyond its archive")
        var random = SystemRandomNumberGenerator()
        for round in 0..<3000 {
            var bytes = index.bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)][Int.random(in: 0..<6, using: &random)]
            }
            if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            guard let found = ShardIndex(bytes, archiveSize: 10_000) else { continue }
            for sample in 0..<found.count { _ = found.names[sample] }
        }
    }

    @Test func namesStandForArchives() throws {
        #expect(try ShardNames.expand("a-{08..11}.tar") == ["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"])
        #expect(try ShardNames.expand("{a,b}/{0..1}.tar") == ["a/0.tar", "a/1.tar", "b/0.tar", "b/1.tar"])
        #expect(ShardNames.areMeant(by: "X.TAR") && ShardNames.areMeant(by: "a.tar.gz") && !ShardNames.areMeant(by: "tar"))
        for text in ["a{0..}.tar", "a{3..1}.tar", "a{0.tar", "{0..9999999}.tar", "/nowhere/*.tar", "{a,a}.tar"] {
            #expect(throws: ShardError.self, "\(text)") { try ShardNames.expand(text) }
        }
    }

    /// An entry of an archive as the tests write it, and damage it.
    private static func entry(_ name: String, _ text: String, kind: Character = "0", size: String? = nil) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ start: Int) { for (index, byte) in text.utf8.enumerated() { header[start + index] = byte } }
        put(name, 0)
        put(size ?? String(text.utf8.count, radix: 8), 124)
        put("        ", 148)
        put(String(kind), 156)
        put("ustar", 257)
        put(String(header.reduce(0) { $0 + Int($1) }, radix: 8), 148)
        return header + Array(text.utf8) + [UInt8](repeating: 0, count: (512 - text.utf8.count % 512) % 512)
    }

    private static let end = [UInt8](repeating: 0, count: 1024)

    @Test(arguments: [
        ("empty", [UInt8](), "is no tar archive"),
        ("text", Array(repeating: UInt8(ascii: "x"), count: 600), "is no tar archive"),
        ("gzip", [0x1F, 0x8B] + [UInt8](repeating: 7, count: 600), "is compressed (gzip)"),
        ("nothing", end, "holds no photographs"),
        ("cut", Array((entry("a.jpg", String(repeating: "x", count: 2000)) + end).prefix(1200)), "is cut short"),
        ("large", entry("a.jpg", "x", size: "77777777777") + end, "is cut short"),
        ("negative", entry("a.jpg", "x", size: "-1") + end, "holds no number where one should be"),
        (
            "garbage between", entry("a.jpg", "x") + entry("a.txt", "ant") + [UInt8](repeating: 9, count: 512),
            "there is no header"
        ),
        ("no label", entry("a.jpg", "x") + end, "its sample 'a.jpg' has no label"),
        ("no photograph", entry("a.txt", "ant") + end, "its sample 'a' has no photograph"),
        ("two photographs", entry("a.0.jpg", "x") + entry("a.1.jpg", "x") + end, "has two photographs"),
        ("no JSON", entry("a.jpg", "x") + entry("a.json", "{") + end, "'a.json' is no JSON object"),
        ("a list", entry("a.jpg", "x") + entry("a.json", "[1]") + end, "'a.json' is no JSON object"),
        ("empty label", entry("a.jpg", "x") + entry("a.txt", " ") + end, "the label of 'a.jpg' is empty"),
        (
            "kinds", entry("a.jpg", "x") + entry("a.txt", "ant") + entry("b.jpg", "x") + entry("b.cls", "1") + end,
            "some samples have their label in one kind of file"
        ),
        (
            "twice",
            entry("a.jpg", "x") + entry("a.txt", "ant") + entry("c.txt", "ant") + entry("c.jpg", "x")
                + entry("a.jpg", "x") + entry("a.txt", "ant") + end, "has two samples called 'a.jpg'"
        ),
        ("pax", entry("x", "99 path=a\n", kind: "x") + entry("a.jpg", "x") + end, "the pax header"),
        ("endless name", entry("x", "x", kind: "L", size: "77777777") + end, "is cut short"),
    ])
    func damagedArchivesAreRefusedInASentence(_ name: String, _ bytes: [UInt8], _ words: String) throws {
        let place = try TemporaryFolder()
        let path = try place.write("bad.tar", bytes)
        let error = #expect(throws: ShardError.self, "\(name)") {
            try ImageFolder.shards(path, rememberedIn: "\(place.path)/memory")
        }
        #expect(
            error?.description.contains(words) == true && error?.description.contains(path) == true, "\(error?.description ?? "")"
        )
    }

    @Test func archivesThatAreNotThereAreNamed() throws {
        let error = #expect(throws: ShardError.self) { try read("/nowhere/a-{0..3}.tar") }
        #expect(
            error?.description
                == "/nowhere/a-0.tar: there is no such archive; data.train and data.validation name tar files that are there")
    }

    /// Flipped bytes and cut ends: samples, or a sentence.
    @Test func mutatedArchivesNeverCrash() throws {
        let place = try TemporaryFolder()
        var random = SystemRandomNumberGenerator()
        let rounds = ProcessInfo.processInfo.environment["GRAFT_MUTATIONS"].flatMap { Int($0) } ?? 200
        let originals = try ["cls", "json", "long"].map {
            Array(try Data(contentsOf: URL(fileURLWithPath: Fixture.path("shards/\($0).tar"))))
        }
        for round in 0..<rounds {
            var bytes = originals[round % originals.count]
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            let path = try place.write("m.tar", bytes)
            if let folder = try? ImageFolder.shards(path, rememberedIn: "/dev/null/nowhere") {
                _ = folder.verify(threads: 1)
            }
        }
    }
}
