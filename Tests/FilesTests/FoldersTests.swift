// Folders made and renamed, and what is said where they cannot be.
import Foundation
import Testing

@testable import Files

@Suite struct FoldersTests {
    @Test func makesWhatIsMissingAndKeepsWhatIsThere() throws {
        try withScratchFolder { folder in
            for path in ["\(folder)/a/b/c", "\(folder)/a/b", "\(folder)/d/"] {
                try Folders.make(path)
                try Folders.make(path)
                #expect(FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func saysWhatIsInTheWayAndWhatToDo() throws {
        try withScratchFolder { folder in
            try AtomicFile.write([1], to: "\(folder)/file")
            for path in ["\(folder)/file", "\(folder)/file/below"] {
                let error = #expect(throws: FileError.self) { try Folders.make(path, advice: "choose another") }
                #expect(error?.description == "\(path): cannot create the folder: Not a directory; choose another")
                #expect(error?.fault == .request)
            }
        }
    }

    @Test func aFileSystemWithoutRoomForFoldersIsNamed() {
        let error = #expect(throws: FileError.self) { try Folders.make("/proc/x", advice: "choose another run.folder") }
        #expect(error?.description == "/proc/x: cannot create the folder: No such file or directory; choose another run.folder")
    }
}
