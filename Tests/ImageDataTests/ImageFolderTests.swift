// What a folder of photographs holds, and the mistakes people make with them.
import Foundation
import Testing

@testable import ImageData

struct ImageFolderTests {
    private func folder(_ files: [String]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for file in files { try folder.write(file, [1, 2, 3]) }
        return folder
    }

    private func reason(_ folder: TemporaryFolder) -> ImageError.Reason? {
        #expect(throws: ImageError.self) { try ImageFolder.scan(folder.path) }?.reason
    }

    @Test func classesAndSamplesAreSortedByBytes() throws {
        let files = ["b/2.jpg", "b/10.jpg", "B/x.png", "a-b/1.jpg", "a/deep/er/z.webp", "a/é.jpg", "a/.hidden", ".git/x", "é/1"]
        let temporary = try folder(files)
        let found = try ImageFolder.scan(temporary.path)
        #expect(found.classes == ["B", "a", "a-b", "b", "é"])
        #expect(
            found.samples.map(\.path) == ["B/x.png", "a-b/1.jpg", "a/deep/er/z.webp", "a/é.jpg", "b/10.jpg", "b/2.jpg", "é/1"])
        #expect(found.samples.map(\.label) == [0, 2, 1, 1, 3, 3, 4])
        #expect(found.classCounts == [1, 2, 1, 2, 1])
        #expect(found.notes.count == 1 && found.notes[0].contains("'B' and 'b' differ in case only"))
    }

    @Test func companionsAndSpecialFilesAreLeftOutWithANote() throws {
        let temporary = try folder(["a/1.jpg", "a/1.TXT", "a/2", "b/1.jpg", "b/sound.ogg", "README.md"])
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: temporary.path + "/a/link.jpg", withDestinationPath: "../b/1.jpg")
        try manager.createSymbolicLink(atPath: temporary.path + "/a/circle", withDestinationPath: "..")
        try manager.createSymbolicLink(atPath: temporary.path + "/b/dead.jpg", withDestinationPath: "nowhere")
        try manager.createSymbolicLink(atPath: temporary.path + "/c", withDestinationPath: "b")
        let found = try ImageFolder.scan(temporary.path + "/")
        #expect(found.samples.map(\.path) == ["a/1.jpg", "a/2", "a/link.jpg", "b/1.jpg", "c/1.jpg"])
        #expect(found.notes.joined(separator: "\n").contains("2 .ogg, 1 .txt"))
        let dead = #/links to nothing are left out: \S*/b/dead.jpg, \S*/c/dead.jpg$/#
        #expect(found.notes.contains { $0.contains(dead) }, "\(found.notes)")
        #expect(found.notes.joined(separator: "\n").contains("beside the class folders are left out: 1"))
        #expect(found.path(of: found.samples[0]) == temporary.path + "/a/1.jpg")
    }

    /// To each folder once within a class: neither circles nor the same photographs twice.
    @Test func linksToFoldersAreFollowedOnce() throws {
        let temporary = try folder(["a/1.jpg", "b/1.jpg", "b/more/2.jpg"])
        let elsewhere = try folder(["x/3.jpg", "x/deeper/4.jpg"])
        let manager = FileManager.default
        for name in ["first", "second"] {
            try manager.createSymbolicLink(atPath: "\(temporary.path)/a/\(name)", withDestinationPath: "\(elsewhere.path)/x")
        }
        try manager.createSymbolicLink(atPath: "\(elsewhere.path)/x/deeper/back", withDestinationPath: "..")
        try manager.createSymbolicLink(atPath: "\(temporary.path)/b/more/up", withDestinationPath: temporary.path)
        let found = try ImageFolder.scan(temporary.path)
        #expect(Set(found.samples.map { String($0.path.suffix(5)) }) == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"])
        #expect(found.samples.count == 5)
    }

    /// One class fewer would give every other a new number.
    @Test func aClassThatIsADeadLinkIsAnError() throws {
        let temporary = try folder(["a/1.jpg", "b/1.jpg"])
        try FileManager.default.createSymbolicLink(atPath: temporary.path + "/c", withDestinationPath: "/nowhere/c")
        try FileManager.default.createSymbolicLink(atPath: temporary.path + "/README.txt", withDestinationPath: "/nowhere/r")
        let error = #expect(throws: ImageError.self) { try ImageFolder.scan(temporary.path) }
        #expect(error?.path == temporary.path + "/c" && error?.reason == .deadLink)
    }

    @Test func whatFileServersLeaveIsNoClass() throws {
        let temporary = try folder([
            "a/1.jpg", "b/1.jpg", "@eaDir/a/1.jpg", "a/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/a/1.jpg", "b/Thumbs.db",
        ])
        let found = try ImageFolder.scan(temporary.path)
        #expect(found.classes == ["a", "b"] && found.samples.map(\.path) == ["a/1.jpg", "b/1.jpg"])
        #expect(found.notes.joined().contains("is left out: 2 @eaDir, 1 Thumbs.db, 1 __MACOSX"), "\(found.notes)")
    }

    @Test func imagesOfOtherKindsAreAllNamed() throws {
        let temporary = try TemporaryFolder()
        let starts: [(String, [UInt8])] = [
            ("a.psd", Array("8BPS".utf8)), ("b.jpg", Array("GIF89a".utf8)), ("c.tif", [0x49, 0x49, 0x2A, 0]),
            ("d.heic", [0, 0, 0, 24] + Array("ftypheic".utf8)), ("e.avif", [0, 0, 0, 24] + Array("ftypavif".utf8)),
            ("f.jp2", [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20]), ("g.jpg", [0xFF, 0xD8, 0xFF, 0xE0]),
            ("h.avif", [0, 0, 0, 28] + Array("ftypmif1".utf8) + [0, 0, 0, 0] + Array("miafavif".utf8)),
            ("i.heif", [0, 0, 0, 24] + Array("ftypmif1".utf8) + [0, 0, 0, 0] + Array("heicavif".utf8)),
            ("j.tif", [0x4D, 0x4D, 0, 0x2B]), ("k.j2c", [0xFF, 0x4F, 0xFF, 0x51]),
        ]
        for (name, bytes) in starts { try temporary.write("x/\(name)", bytes + [UInt8](repeating: 0, count: 20)) }
        // What libheif reads is foreign where the program was built without it.
        let without = "(this program was built without libheif)"
        let foreign = try ImageFolder.scan(temporary.path).foreignFormats().filter { !$0.contains(without) }
        #expect(foreign == ["x/a.psd (a Photoshop image)", "x/f.jp2 (a JPEG 2000 image)", "x/k.j2c (a JPEG 2000 image)"])
        for (name, bytes) in starts.filter({ $0.1.starts(with: [0, 0, 0]) && $0.1.count > 8 }) where !name.hasSuffix("jp2") {
            let format = bytes.withUnsafeBytes { ImageFormat(sniffing: $0) }
            let (heic, avif) = (
                ImageFormat.unsupported("a HEIC image \(without)"), ImageFormat.unsupported("an AVIF image \(without)")
            )
            #expect([.heif, name.hasSuffix("avif") ? avif : heic].contains(format), "\(name)")
        }
    }

    /// A text may begin with the letters of a bitmap.
    @Test func aBitmapIsToldByItsHeader() throws {
        let text = Array("BMW builds cars, and motorcycles too".utf8)
        #expect(text.withUnsafeBytes { ImageFormat(sniffing: $0) } == .unknown)
    }

    /// Links, and copies under other names, across folders and classes; not those within a class.
    @Test func copiesAreFound() throws {
        let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
        let files: [(TemporaryFolder, String, String)] = [
            (first, "a/1.jpg", "one"), (first, "a/2.jpg", "two"), (first, "a/twice.jpg", "two"), (first, "b/3.jpg", "three"),
            (first, "b/one.jpg", "one"), (second, "a/three.jpg", "THREE"), (second, "a/two.jpg", "two"),
        ]
        for (folder, name, text) in files { try folder.write(name, Array(text.utf8)) }
        try FileManager.default.createSymbolicLink(
            atPath: second.path + "/a/linked.jpg", withDestinationPath: first.path + "/b/3.jpg")
        let (one, other) = (try ImageFolder.scan(first.path), try ImageFolder.scan(second.path))
        func names(_ copies: ImageCopies) -> [[String]] {
            copies.pairs.map { pair in
                [pair.first, pair.second].map { [one, other][$0.folder].samples[$0.sample].path }
            }
        }
        let found = ImageCopies(among: [one, other])
        #expect(found.isComplete)
        #expect(names(found) == [["a/1.jpg", "b/one.jpg"], ["b/3.jpg", "a/linked.jpg"], ["a/2.jpg", "a/two.jpg"]])
        let unread = ImageCopies(among: [one, other], reading: 3)
        #expect(!unread.isComplete && names(unread) == [["b/3.jpg", "a/linked.jpg"]])
        let again = try ImageFolder.scan(first.path + "/a/..")
        #expect(!one.isSameFolder(as: other) && one.isSameFolder(as: again))
    }

    @Test func mistakesAreNamed() throws {
        #expect(reason(try folder(["1.jpg", "2.jpg"])) == .noClasses(files: 2))
        #expect(reason(try folder(["photos/cat/1.jpg", "photos/dog/1.jpg"])) == .nestedTooDeep(["photos"]))
        #expect(reason(try folder(["train/cat/1.jpg", "validation/cat/1.jpg"])) == .nestedTooDeep(["train", "validation"]))
        let empty = try folder(["a/1.jpg", "c/notes.txt"])
        try empty.makeFolder("b")
        #expect(reason(empty) == .emptyClasses(["b", "c"]))
        #expect(try ImageFolder.scan(empty.path, allowEmptyClasses: true).samples.count == 1)
        #expect(reason(try folder(["a/1.txt", "b/2.txt"])) == .noImages)
        #expect(reason(try folder(["cafe\u{301}/1.jpg", "caf\u{e9}/1.jpg"])) == .sameName("café"))
        let file = try folder(["a/1.jpg"])
        #expect(#expect(throws: ImageError.self) { try ImageFolder.scan(file.path + "/a/1.jpg") }?.reason == .notAFolder)
        let missing = #expect(throws: ImageError.self) { try ImageFolder.scan("nowhere") }
        #expect(missing?.description == "nowhere: cannot be read: No such file or directory")
    }

    @Test func namesThatAreNotTextAreRefused() throws {
        let temporary = try folder(["a/1.jpg"])
        let descriptor = open(temporary.path + "/a/\u{78}", O_CREAT | O_WRONLY, 0o600)
        close(descriptor)
        var bytes = Array((temporary.path + "/a/").utf8CString.dropLast())
        bytes += [CChar(bitPattern: 0xFF), 0]
        #expect(rename(temporary.path + "/a/x", bytes) == 0)
        #expect(reason(temporary) == .notUTF8)
    }

    @Test func splitsAreMatchedByName() throws {
        let validation = ImageFolder(
            root: "v", classes: ["dog", "zebra"],
            samples: [ImageSample(path: "dog/1", label: 0), ImageSample(path: "zebra/1", label: 1)])
        let matched = try validation.matching(classes: ["cat", "dog", "horse", "zebra"])
        #expect(matched.samples.map(\.label) == [1, 3])
        #expect(matched.classes == ["cat", "dog", "horse", "zebra"])
        #expect(matched.notes == ["v has no images of 'cat', 'horse'"])
        let error = #expect(throws: ImageError.self) { try validation.matching(classes: ["cat", "dog"]) }
        #expect(error?.reason == .extraClasses(["zebra"], known: ["cat", "dog"]))
        #expect(error?.description.hasPrefix("v: has class 'zebra' that the training set lacks (its classes: cat, dog)") == true)
    }

    @Test func digestFollowsNamesAndSizes() throws {
        let temporary = try folder(["a/1.jpg", "b/2.jpg"])
        let found = try ImageFolder.scan(temporary.path)
        let digest = try found.digest()
        #expect(try ImageFolder.scan(temporary.path + "/").digest() == digest)
        try temporary.write("a/1.jpg", [1, 2, 3, 4])
        #expect(try found.digest() != digest)
        try FileManager.default.removeItem(atPath: temporary.path + "/b/2.jpg")
        #expect(throws: ImageError.self) { try found.digest() }
    }

    @Test func verifyNamesWhatCannotBeRead() throws {
        let temporary = try TemporaryFolder()
        for (index, name) in ["rgb.png", "truncated.jpg", "stray.jpg", "text.jpg", "lossy.webp"].enumerated() {
            try temporary.write("a/\(index)-\(name)", try Fixture.bytes("decoding/" + name))
        }
        let found = try ImageFolder.scan(temporary.path).verify(threads: 3)
        #expect(found.images == 5)
        #expect(found.unreadable.map(\.path) == ["a/1-truncated.jpg", "a/3-text.jpg"])
        #expect(found.odd == ["a/2-stray.jpg"])
    }
}

struct ValidationSplitTests {
    private func folder(_ counts: [Int], skipping: Set<String> = []) -> ImageFolder {
        var folder = ImageFolder(root: "r", classes: counts.indices.map { "c\($0)" }, samples: [])
        for (label, count) in counts.enumerated() {
            for number in 100..<100 + count where !skipping.contains("c\(label)/\(number).jpg") {
                folder.samples.append(ImageSample(path: "c\(label)/\(number).jpg", label: label))
            }
        }
        return folder
    }

    @Test func partsAreStratifiedAndDisjoint() {
        let whole = folder([40, 10, 3, 2, 1])
        let split = ValidationSplit(of: whole, fraction: 0.25, seed: 17)
        #expect(split.validation.classCounts == [10, 3, 1, 1, 0])
        #expect(split.training.classCounts == [30, 7, 2, 1, 1])
        let both = Array(split.training.samples) + split.validation.samples
        #expect(both.sorted { $0.path < $1.path } == Array(whole.samples))
        #expect(split.validation.classes == whole.classes)
    }

    @Test func splitDependsOnSeedAndPathsOnly() {
        let split = ValidationSplit(of: folder([60, 60]), fraction: 0.2, seed: 1)
        var elsewhere = folder([60, 60])
        elsewhere.root = "somewhere/else"
        #expect(ValidationSplit(of: elsewhere, fraction: 0.2, seed: 1).validation.samples == split.validation.samples)
        #expect(ValidationSplit(of: folder([60, 60]), fraction: 0.2, seed: 2).validation.samples != split.validation.samples)
        // Removing a training file moves no other file, or at most the one at the edge.
        let gone = split.training.samples[5].path
        let after = ValidationSplit(of: folder([60, 60], skipping: [gone]), fraction: 0.2, seed: 1)
        #expect(Set(split.validation.samples).symmetricDifference(after.validation.samples).count <= 1)
    }
}
