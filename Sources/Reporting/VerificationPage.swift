// The page of a look through a data set: pictures side by side.
package import Files
import Foundation
import ImageData

package struct VerificationPage {
    package struct Picture {
        let file: FilePart
        let path, label, split: String

        package init(file: FilePart, path: String, label: String, split: String) {
            (self.file, self.path, self.label, self.split) = (file, path, label, split)
        }
    }

    package struct Entry {
        let words: String
        let pictures: [Picture]

        package init(words: String, pictures: [Picture]) { (self.words, self.pictures) = (words, pictures) }
    }

    package struct Section {
        let title: String
        let entries: [Entry]

        package init(title: String, entries: [Entry]) { (self.title, self.entries) = (title, entries) }
    }

    private let title: String
    private let imageCount: Int
    private let sections: [Section]
    /// More of a kind are listed without pictures: the page should stay mailable.
    private static let (pictured, side) = (60, 200)

    package init(title: String, imageCount: Int, _ sections: [Section]) {
        (self.title, self.imageCount, self.sections) = (title, imageCount, sections)
    }

    /// Throws `FileError` when the disk is full or fails.
    package func write(to path: String) throws { try AtomicFile.write(Array(text.utf8), to: path) }

    private var text: String {
        let count = sections.reduce(0) { $0 + $1.entries.count }
        let found = sections.map { section in
            let cases = section.entries.enumerated().map { number, entry in
                let pictures = entry.pictures.map { picture in
                    "<figure>\(number < Self.pictured ? image(picture.file) : "")<figcaption>\(isolated(picture.path))<br>"
                        + "\(escaped([picture.label, picture.split].filter { !$0.isEmpty }.joined(separator: ", ")))</figcaption></figure>"
                }
                let words = entry.words.isEmpty ? "" : "<p>\(escaped(entry.words))</p>"
                return "<div class=\"case\">\(pictures.joined())\(words)</div>"
            }
            return HTMLPage.Section(
                title: "\(section.title): \(section.entries.count)",
                body: "<div class=\"cases\">\n\(cases.joined(separator: "\n"))\n</div>")
        }
        let what = count == 0 ? "nothing to mend" : count == 1 ? "1 finding" : "\(count) findings"
        let words = "\(imageCount) images, \(what)"
        return HTMLPage(title: title, lead: "<p>\(words)</p>", sections: found).text
    }

    private func image(_ file: FilePart) -> String {
        guard let bytes = JPEGThumbnail.bytes(of: file, side: Self.side) else { return "" }
        return "<img alt=\"\" src=\"data:image/jpeg;base64,\(Data(bytes).base64EncodedString())\">"
    }
}
