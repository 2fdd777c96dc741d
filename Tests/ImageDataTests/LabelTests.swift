// Lists of labels: what is read from them, and what is said of wrong ones.
import Foundation
import Tensors
import Testing

@testable import ImageData

struct LabelTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for name in ["a/1.jpg", "a/2.jpg", "b/3.jpg", "b/ü, \"x\".jpg"] { try folder.write(name, [1]) }
    }

    private func table(_ text: String, _ name: String = "l.csv", _ columns: LabelTable.Columns = .init()) throws -> LabelTable {
        try folder.write(name, Array(text.utf8))
        return try LabelTable(path: folder.path + "/" + name, columns: columns)
    }

    /// Quoted fields with separators, quotes and line ends in them; CRLF; a mark at the start; tabs, semicolons and JSON lines.
    @Test(arguments: [
        ("l.csv", "file,label\na/1.jpg,cat\n\"b/ü, \"\"x\"\".jpg\",\"two\nlines\"\n"),
        ("l.csv", "\u{FEFF}file,label\r\na/1.jpg,cat\r\n\r\n\"b/ü, \"\"x\"\".jpg\",\"two\nlines\"\r\n"),
        ("l.tsv", "label\tfile\ncat\ta/1.jpg\n\"two\nlines\"\t\"b/ü, \"\"x\"\".jpg\""),
        ("l.csv", "file; label ;other\na/1.jpg;cat;\n\"b/ü, \"\"x\"\".jpg\";\"two\nlines\";1\n"),
        ("metadata.csv", "file_name,label\na/1.jpg,cat\n\"b/ü, \"\"x\"\".jpg\",\"two\nlines\"\n"),
        (
            "l.jsonl",
            #"{"file": "a/1.jpg", "label": "cat"}"# + "\n\n" + #"{"label": "two\nlines", "file": "b/\u00fc, \"x\".jpg"}"#
        ),
    ])
    func everyFormIsRead(_ name: String, _ text: String) throws {
        let rows = try table(text, name).rows
        #expect(rows.map(\.file) == ["a/1.jpg", "b/ü, \"x\".jpg"] && rows.map(\.labels) == [["cat"], ["two\nlines"]])
    }

    @Test func columnsAreNamedAndMayBeMore() throws {
        let list = try table(
            "who,set,class,path\nrex,train,dog,a/1.jpg\nrex,Test,dog,a/2.jpg\n,val,cat,b/3.jpg\n", "l.csv",
            .init(file: "path", label: .one("class"), split: "set", group: "who"))
        #expect(list.rows.map(\.split) == [.train, .test, .validation] && list.rows.map(\.group) == ["rex", "rex", ""])
        #expect(list.rows.map(\.line) == [2, 3, 4] && list.hasGroups && list.hasSplits)
    }

    @Test(arguments: [
        ("", "is empty"), ("\n\n", "is empty"), ("file,label\n", "lists no photographs"),
        ("name,label\na/1.jpg,cat\n", "has no column 'file' (its columns: name, label); name it with data.columns.file"),
        ("file,class\na/1.jpg,cat\n", "has no column 'label'"), ("file,label\na/1.jpg\n", ":2: the row has 1 fields"),
        ("file,label\na/1.jpg,cat,x\n", ":2: the row has 3 fields where the header has 2"),
        ("file,label\na/1.jpg,\n", ":2: 'a/1.jpg' has no label"), ("file,label\n,cat\n", ":2: the row names no file"),
        ("file,label\na/1.jpg,cat\na/1.jpg,dog\n", ":3: 'a/1.jpg' stands in line 2 already"),
        ("file,label\n\"a/1.jpg,cat\n", ":2: a field's quote is never closed"),
        ("file,label\n\"a/1\"x,cat\n", ":2: there is text behind the closing quote of a field"),
        ("file,label,split\na/1.jpg,cat,tset\n", ":2: the split is train, validation or test, not 'tset'"),
        ("file,label\na/1.jpg,cat\n./a/1.jpg,dog\n", ":3: './a/1.jpg' is the photograph of line 2"),
        ("file,label\na/9.jpg,cat\n", ":2: there is no file 'a/9.jpg' in "),
        ("file,label\na,cat\n", ":2: 'a' is a folder, not a photograph"),
        ("file,label\na/1.jpg,é\na/2.jpg,e\u{301}\n", "in two Unicode spellings"),
        ("file,label,split\na/1.jpg,cat,test\n", "has no photographs to train on"),
        ("file,label,split\na/1.jpg,cat,train\nb/3.jpg,dog,val\n", "without a photograph to train on: 'dog'"),
    ])
    func wrongListsAreNamedByLine(_ text: String, _ words: String) throws {
        let error = #expect(throws: LabelError.self) {
            if text.isEmpty { throw LabelError(path: "", problems: [LabelProblem(line: nil, words: "is empty")]) }
            _ = try ImageFolder.labelled(by: table(text), root: folder.path)
        }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test func otherTextsAreRefused() throws {
        try folder.write("l.csv", [0xFF, 0xFE, 0x66, 0])
        #expect(throws: LabelError.self) { try LabelTable(path: folder.path + "/l.csv") }
        try folder.write("l.csv", Array("file,label\na/1.jpg,caf".utf8) + [0xE9, 0x0A])
        let error = #expect(throws: LabelError.self) { try LabelTable(path: folder.path + "/l.csv") }
        #expect(error?.description.hasSuffix("l.csv:2: is not UTF-8 text; save it so") == true)
        let lines = #expect(throws: LabelError.self) { try table("{\"file\": \"a/1.jpg\"}\n[1]\n", "l.jsonl") }
        #expect(lines?.description.hasSuffix("l.jsonl:2: the line is not a JSON object") == true)
    }

    /// Whatever the order of rows and however paths are written, what comes out is what the folders give.
    @Test func aListGivesWhatFoldersGive() throws {
        let text = "file,label\nb/\"ü, \"x\".jpg\",b\n".replacing("b/\"ü, \"x\".jpg\"", with: "\"b/ü, \"\"x\"\".jpg\"")
        let list = try table(text + "./a/2.jpg,a\nb/3.jpg,b\n\(folder.path)/a/1.jpg,a\n")
        let splits = try ImageFolder.labelled(by: list, root: folder.path)
        let scanned = try ImageFolder.scan(folder.path)
        #expect(splits.training.samples == scanned.samples && splits.training.classes == scanned.classes)
        #expect(splits.validation == nil && splits.test == nil)
        let pattern = try #require(PathPattern("^(?<label>[ab])/", part: "label"))
        let matched = try ImageFolder.scan(folder.path, labelledBy: pattern)
        #expect(matched.samples == scanned.samples && matched.classes == scanned.classes)
    }

    @Test func filesAreListedInAnyForm() throws {
        for (name, text) in [("x.csv", "score,file\n1,a/1.jpg\n"), ("x.txt", "a/1.jpg\n"), ("x.txt", "\r\n a/1.jpg \r\n")] {
            try folder.write(name, Array(text.utf8))
            #expect(try LabelTable.files(in: "\(folder.path)/\(name)") == ["a/1.jpg"])
        }
        let scanned = try ImageFolder.scan(folder.path)
        let rest = scanned.without(["a/1.jpg", "./b/3.jpg", "c/1.jpg"], relativeTo: "/elsewhere")
        #expect(rest.count == 2 && rest.folder.samples.map(\.path) == ["a/2.jpg", "b/ü, \"x\".jpg"])
    }

    /// No group on both sides, the share of each class within half a group's size, and names alone decide.
    @Test(arguments: [1, 2, 3]) func groupsStayTogether(_ seed: UInt64) {
        let samples = (0..<900).map { index in
            ImageSample(path: "\(index % 3)/\(index / 3).jpg", label: index % 3 == 2 ? 1 : 0)
        }
        let groups = samples.indices.map { "animal \($0 / 7)" }
        let whole = ImageFolder(root: "r", classes: ["a", "b"], samples: samples)
        let split = GroupedSplit(of: whole, fraction: 0.2, seed: seed, groups: groups)
        let byPath = Dictionary(uniqueKeysWithValues: zip(samples.map(\.path), groups))
        func names(_ part: ImageFolder) -> [String] { part.samples.compactMap { byPath[$0.path] } }
        #expect(GroupedSplit.shared(names(split.training), names(split.validation)) == [])
        #expect(split.training.samples.count + split.validation.samples.count == 900)
        for (held, all) in zip(split.validation.classCounts, whole.classCounts) {
            #expect(abs(Double(held) - 0.2 * Double(all)) <= 5, "\(held) of \(all)")
        }
        let reordered = ImageFolder(root: "r", classes: ["a", "b"], samples: samples.reversed())
        let again = GroupedSplit(of: reordered, fraction: 0.2, seed: seed, groups: groups.reversed())
        #expect(Set(again.validation.samples) == Set(split.validation.samples))
        #expect(split.report.count == 4 && split.report[0].contains("validation"))
    }
}
