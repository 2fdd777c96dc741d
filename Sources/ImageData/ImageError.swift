// What can be wrong with a user's images and image folders, in words that name the file and what to do.

/// A file or folder that cannot be used, and why.
package struct ImageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why; the facts of the matter.
    package enum Reason: Sendable, Hashable {
        /// The system's words for why the file could not be opened or read.
        case cannotRead(String)
        case empty
        /// The first bytes fit no image format; as text where they are text.
        case notAnImage(startsWith: String)
        /// A real image, but of a format (or a kind of a format) that is not read.
        case unsupported(String)
        case truncated(String)
        case damaged(String)
        case tooLarge(width: Int, height: Int)
        case fileTooLarge(bytes: Int)
        case outOfMemory

        case notAFolder
        /// An image folder without class folders; the number of files that lie directly in it.
        case noClasses(files: Int)
        case emptyClasses([String])
        /// The folder seems to be one level above the class folders: which of its folders look like the ones meant.
        case nestedTooDeep([String])
        /// Classes that the class list of the training set does not have.
        case extraClasses([String], known: [String])
        /// Two class folders whose names are the same text in different Unicode spellings.
        case sameName(String)
        case notUTF8
        case noImages
        /// A link whose target is not there.
        case deadLink
        /// Images of kinds that are not read: path and kind of each.
        case foreignFormats([String])
        /// No file fits `data.label_pattern`; one of those that are there.
        case nothingMatches(String, example: String?)
        /// Training and validation are the same folder.
        case sameFolder(as: String)
    }

    /// The file or folder, as the user named it.
    package let path: String
    package let reason: Reason

    package init(path: String, reason: Reason) {
        self.path = path
        self.reason = reason
    }

    package var description: String { "\(path): \(reason)" }
}

extension ImageError.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotRead(let words): "cannot be read: \(words)"
        case .empty: "is empty"
        case .notAnImage(let start): "is not an image: starts with \(start)"
        case .unsupported(let what): "is \(what), which is not supported; convert it to JPEG or PNG"
        case .truncated(let words): "is truncated: \(words)"
        case .damaged(let words): "is damaged: \(words)"
        case .tooLarge(let width, let height):
            "is too large: \(width) × \(height) pixels, the limit is \(ImageDecoder.pixelLimit / 1_000_000) million pixels"
        case .fileTooLarge(let bytes):
            "is too large: \(bytes) bytes, the limit is \(ImageDecoder.fileLimit >> 20) MiB"
        case .outOfMemory: "needs more memory than the system has left"
        case .notAFolder: "is not a folder; give a folder that holds one sub-folder of images for each class"
        case .noClasses(let files):
            "has no class folders (\(files) files lie directly in it); put the images of each class into a sub-folder of its name"
        case .emptyClasses(let names):
            "has \(Self.list(names, "class folder")) without images; add images or remove the folder"
        case .nestedTooDeep(let names):
            "seems to lie one level above the classes: no images lie directly in \(Self.list(names)), only folders; "
                + "give one of these as the folder"
        case .extraClasses(let names, let known):
            "has \(Self.list(names, "class", plural: "classes")) that the training set lacks (its classes: "
                + "\(known.prefix(10).joined(separator: ", "))\(known.count > 10 ? ", …" : "")); rename or remove them"
        case .sameName(let name): "has two class folders that both read '\(name)', in different Unicode spellings; merge them"
        case .notUTF8: "has a name that is not UTF-8; rename it"
        case .noImages: "has no images"
        case .deadLink: "is a link to something that is not there; make it point to the class's folder, or remove it"
        case .foreignFormats(let files):
            "has images of kinds that are not read, \(files.count) in all; convert them to JPEG or PNG, or remove them:\n"
                + files.prefix(40).map { "  \($0)" }.joined(separator: "\n")
                + (files.count > 40 ? "\n  and \(files.count - 40) more" : "")
        case .nothingMatches(let pattern, let example):
            "has no file whose path data.label_pattern, '\(pattern)', matches"
                + (example.map { "; one of its files is \($0)" } ?? "; it has no files at all")
        case .sameFolder(let other):
            "is the same folder as \(other): images that were trained on tell nothing; hold some out (data.validation_fraction)"
        }
    }

    /// `class folder 'a'`, `class folders 'a', 'b' and 3 more`.
    private static func list(_ names: [String], _ singular: String, plural: String? = nil) -> String {
        "\(names.count == 1 ? singular : plural ?? singular + "s") \(list(names))"
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
        let rest = names.count > 10 ? " and \(names.count - 10) more" : ""
        return shown + rest
    }
}
