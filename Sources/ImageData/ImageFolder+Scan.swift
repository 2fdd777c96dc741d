// Finding out what an image folder holds, and telling the usual mistakes apart.
import Files
internal import Foundation

extension ImageFolder {
    /// Companions of photographs that nobody takes for photographs. Any other suffix, and none, counts as an image: what a file is
    /// is decided by its contents.
    private static let leftOut: Set<String> = [
        "txt", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "md", "html", "htm", "pdf", "db", "ini", "log", "py", "sh",
        "svg",
        "ogg", "wav", "mp3", "mp4", "mov", "avi", "zip", "tar", "gz", "npy", "npz", "sha256", "md5",
    ]
    /// Names that belong to parts of a data set, not to classes.
    private static let partNames: Set<String> = ["train", "training", "val", "valid", "validation", "test", "testing"]

    /// What file servers and archives put into folders: thumbnails and wastebaskets, never classes.
    private static let strangers: Set<String> = [
        "@eadir", "#recycle", "@recycle", "__macosx", "lost+found", "$recycle.bin", "thumbs.db",
    ]

    /// Reads `root/class/**`: classes are its sub-folders, samples all files below them. Hidden files and folders are ignored, and those
    /// that file servers leave; links are followed, to each folder once within a class, so that none runs in circles.
    ///
    /// Throws `ImageError` for a folder without classes, for a class folder that is a link to nothing, with the folders of a data set's parts instead of classes, without any
    /// image, or, unless `allowEmptyClasses`, with a class without images.
    package static func scan(_ root: String, allowEmptyClasses: Bool = false) throws(ImageError) -> ImageFolder {
        var scan = FolderScan(root: root)
        let top = try scan.take(scan.listing(of: ""))
        guard !top.folders.isEmpty else { throw ImageError(path: root, reason: .noClasses(files: top.files.count)) }
        let classes = top.folders.sorted(by: bytewise)
        var folder = ImageFolder(root: root, classes: classes, samples: [])
        var nested: [String] = []
        // Some at a time, so that not all names are in memory twice.
        for start in stride(from: 0, to: classes.count, by: 4 * WaitingWork.width) {
            let some = Array(classes[start..<min(start + 4 * WaitingWork.width, classes.count)])
            let listings = WaitingWork.map(some.count) { [scan] number in scan.listing(of: some[number]) }
            for (number, (name, listing)) in zip(some, listings).enumerated() {
                scan.visited = scan.above
                let direct = try scan.collect(name, listing, label: start + number, into: &folder.samples)
                if direct == 0, scan.lastFolderCount > 0 { nested.append(name) }
            }
        }
        let areParts = classes.allSatisfy { partNames.contains($0.lowercased()) }
        if nested.count == classes.count, areParts || classes.count == 1 {
            throw ImageError(path: root, reason: .nestedTooDeep(nested))
        }
        guard !folder.samples.isEmpty else { throw ImageError(path: root, reason: .noImages) }
        try folder.checkClasses(allowEmpty: allowEmptyClasses)
        folder.samples.sortByPath()
        folder.notes += scan.notes(looseFiles: top.files.count)
        folder.lookedInto = scan.lookedInto
        return folder
    }

    /// The folders of a data set's parts in a folder that holds nothing but them, such as `train` and `validation`; none where it is
    /// something else.
    package static func parts(of root: String) -> [String] {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).filter { !$0.hasPrefix(".") }
        let folders = names.filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder) && isFolder.boolValue
        }
        return !folders.isEmpty && folders.allSatisfy { partNames.contains($0.lowercased()) } ? folders.sorted(by: bytewise) : []
    }

    /// All files below a folder that may be images, without classes.
    package static func unlabelled(_ root: String) throws(ImageError) -> ImageFolder {
        let found = try everyFile(below: root)
        let samples = found.paths.sorted(by: bytewise).map { ImageSample(path: $0, label: 0) }
        return ImageFolder(root: root, classes: [""], samples: samples, notes: found.notes)
    }

    /// The paths of all files below a folder that may be images, and what was left out.
    static func everyFile(
        below root: String
    ) throws(ImageError) -> (paths: [String], notes: [String], lookedInto: [LookedInto]) {
        var scan = FolderScan(root: root)
        scan.holdsClasses = false
        scan.visited = scan.above.subtracting(scan.place.map { [$0] } ?? [])
        var samples = ImageSamples()
        _ = try scan.collect("", scan.listing(of: ""), label: 0, into: &samples)
        return (Array(samples.paths), scan.notes(looseFiles: 0), scan.lookedInto)
    }

    private mutating func checkClasses(allowEmpty: Bool) throws(ImageError) {
        let counts = classCounts
        let empty = classes.indices.filter { counts[$0] == 0 }.map { classes[$0] }
        if !empty.isEmpty {
            guard allowEmpty else { throw ImageError(path: root, reason: .emptyClasses(empty)) }
            notes.append("\(root) has class folders without images: \(empty.joined(separator: ", "))")
        }
        var seen: Set<String> = []
        var folded: [String: String] = [:]
        for name in classes {
            guard seen.insert(name).inserted else { throw ImageError(path: root, reason: .sameName(name)) }
            if let twin = folded.updateValue(name, forKey: name.lowercased()) {
                notes.append("\(root): the classes '\(twin)' and '\(name)' differ in case only; they are taken for two classes")
            }
        }
    }

    /// The walk through the folders.
    private struct FolderScan: Sendable {
        /// What is in one folder.
        struct Listing: Sendable {
            var files: [String] = []
            var folders: [String] = []
            var strangers: [String] = []
            var deadLinks: [String] = []
            var otherCount = 0
            var hasLinks = false
            var lookedInto: LookedInto?
        }

        let root: String
        /// Whether the root's folders are classes.
        var holdsClasses = true
        var lastFolderCount = 0
        private var ignoredSuffixes: [String: Int] = [:]
        private var ignoredFolders: [String: Int] = [:]
        private var deadLinks: [String] = []
        private var ignoredOthers = 0
        private var folders: [LookedInto] = []
        /// Whether there were links to files: what becomes of them shows in no folder that was looked into.
        private var hasLinks = false
        /// The folders of the present class, as the system knows them.
        var visited: Set<[UInt64]> = []

        /// The root and what is above it: a link there would bring other classes into this one.
        let above: Set<[UInt64]>

        init(root: String) {
            self.root = root
            var above: Set<[UInt64]> = []
            var path = root
            while let place = Self.place(of: path), above.insert(place).inserted { path += "/.." }
            self.above = above
        }

        var lookedInto: [LookedInto] { hasLinks ? [] : folders }

        /// The root, as the system knows it.
        var place: [UInt64]? { Self.place(of: root) }

        private static func place(of path: String) -> [UInt64]? {
            var status = stat()
            return stat(path, &status) == 0 ? [UInt64(status.st_dev), UInt64(status.st_ino)] : nil
        }

        /// Adds all images below `folder`, in which there is `found`, and returns how many lie directly in it.
        mutating func collect(
            _ folder: String, _ found: Result<Listing, ImageError>, label: Int, into samples: inout ImageSamples
        ) throws(ImageError) -> Int {
            if let place = Self.place(of: root + "/" + folder), !visited.insert(place).inserted { return 0 }
            var listing = try take(found)
            let prefix = folder.isEmpty ? "" : folder + "/"
            var direct = 0
            // Sorted here they are nearly so as a whole.
            listing.files.sort(by: bytewise)
            for file in listing.files {
                let suffix = Self.suffix(of: file)
                if leftOut.contains(suffix) {
                    ignoredSuffixes[suffix, default: 0] += 1
                } else {
                    samples.append(ImageSample(path: prefix + file, label: label))
                    direct += 1
                }
            }
            for name in listing.folders {
                _ = try collect(prefix + name, self.listing(of: prefix + name), label: label, into: &samples)
            }
            lastFolderCount = listing.folders.count
            return direct
        }

        /// What stands behind a name's last dot, in small letters; nothing where the dot is its first or last character.
        private static func suffix(of name: String) -> String {
            guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return "" }
            return name[name.utf8.index(after: dot)...].lowercased()
        }

        /// What was found in a folder, remembered for the notes.
        mutating func take(_ found: Result<Listing, ImageError>) throws(ImageError) -> Listing {
            let listing = try found.get()
            if let place = listing.lookedInto { folders.append(place) }
            for name in listing.strangers { ignoredFolders[name, default: 0] += 1 }
            deadLinks += listing.deadLinks
            ignoredOthers += listing.otherCount
            hasLinks = hasLinks || listing.hasLinks
            return listing
        }

        /// The visible files and folders of a folder (`""` is the root).
        func listing(of folder: String) -> Result<Listing, ImageError> {
            Result { () throws(ImageError) in try list(folder) }
        }

        private func list(_ folder: String) throws(ImageError) -> Listing {
            let path = folder.isEmpty ? root : root + "/" + folder
            var listing = Listing()
            // Before its names: what is added in between changes it.
            listing.lookedInto = LookedInto(path)
            guard let stream = opendir(path) else {
                let code = errno
                if code == ENOTDIR { throw ImageError(path: path, reason: .notAFolder) }
                throw ImageError(path: path, reason: .cannotRead(String(cString: strerror(code))))
            }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
                guard bytes.first != UInt8(ascii: ".") else { continue }
                guard let name = String(validating: bytes, as: UTF8.self) else {
                    throw ImageError(path: path + "/" + String(decoding: bytes, as: UTF8.self), reason: .notUTF8)
                }
                if strangers.contains(name.lowercased()) {
                    listing.strangers.append(name)
                    continue
                }
                try sort(name, at: path + "/" + name, type: Int(entry.pointee.d_type), isRoot: folder.isEmpty, into: &listing)
            }
            return listing
        }

        private func sort(
            _ name: String, at path: String, type: Int, isRoot: Bool, into listing: inout Listing
        ) throws(ImageError) {
            if type == Int(DT_REG) { return listing.files.append(name) }
            if type == Int(DT_DIR) { return listing.folders.append(name) }
            // A link, or a file system that does not tell.
            var target = stat()
            guard stat(path, &target) == 0 else {
                listing.hasLinks = true
                // Of the root it may be a class: one fewer would change every label.
                if isRoot, holdsClasses, !leftOut.contains(Self.suffix(of: name)) {
                    throw ImageError(path: path, reason: .deadLink)
                }
                return listing.deadLinks.append(path)
            }
            switch target.st_mode & S_IFMT {
            case S_IFREG:
                listing.hasLinks = true
                listing.files.append(name)
            case S_IFDIR: listing.folders.append(name)
            default: listing.otherCount += 1
            }
        }

        func notes(looseFiles: Int) -> [String] {
            var notes: [String] = []
            if looseFiles > 0 { notes.append("\(root): files beside the class folders are left out: \(looseFiles)") }
            if !ignoredSuffixes.isEmpty {
                let list = ignoredSuffixes.sorted { $0.key < $1.key }.map { "\($0.value) .\($0.key)" }.joined(separator: ", ")
                notes.append("\(root): files that are no images by their names are left out: \(list)")
            }
            if !ignoredFolders.isEmpty {
                let list = ignoredFolders.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
                notes.append("\(root): what file servers and archives leave is left out: \(list)")
            }
            if !deadLinks.isEmpty {
                let more = deadLinks.count > 5 ? " and \(deadLinks.count - 5) more" : ""
                notes.append(
                    "links to nothing are left out: \(deadLinks.sorted(by: bytewise).prefix(5).joined(separator: ", "))\(more)")
            }
            if ignoredOthers > 0 { notes.append("\(root): special files (pipes, devices) are left out: \(ignoredOthers)") }
            return notes
        }
    }
}
