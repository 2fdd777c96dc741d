// Files whole or not at all, and folders: what happens where the disk is full and where paths are wrong.
import Foundation
import Testing

@testable import Files

/// Runs `body` with a scratch folder that is removed afterwards.
func withScratchFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graft-files-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

@Suite struct AtomicFileTests {
    @Test func aFullDiskLeavesTheOldFile() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/checkpoint"
            try AtomicFile.write([1, 2, 3], to: path)
            let error = #expect(throws: FileError.self) {
                try AtomicFile.write(
                    to: path,
                    systemWrite: { _, _, count in
                        if count > 100 { return 50 }
                        errno = ENOSPC
                        return -1
                    }
                ) { (sink: inout AtomicFile.Sink) throws(FileError) in try sink.write([UInt8](repeating: 9, count: 140)) }
            }
            #expect(error?.description.contains("\(path): cannot write the file: No space left on device") == true)
            #expect(error?.fault == .disk)
            #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["checkpoint"])
        }
    }

    @Test func aFolderInTheWayIsAnErrorAndLeavesNothingBehind() throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/a/b", withIntermediateDirectories: true)
            #expect(throws: FileError.self) { try AtomicFile.write([1], to: "\(folder)/a") }
            #expect(throws: FileError.self) { try AtomicFile.write([1], to: "\(folder)/none/a") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
        }
    }

    @Test func aPathThatIsNotThereIsTheAskersAffair() throws {
        try withScratchFolder { folder in
            let error = #expect(throws: FileError.self) { try AtomicFile.write([1], to: "\(folder)/none/a") }
            #expect(error?.fault == .request)
        }
    }

    @Test func aDeviceIsNotReplaced() {
        let error = #expect(throws: FileError.self) { try AtomicFile.write([1], to: "/dev/null") }
        #expect(error?.description == "/dev/null: is not a regular file; name another file")
    }

    @Test func aPendingFileThatGoesAwayLeavesNothing() throws {
        try withScratchFolder { folder in
            try AtomicFile.write([7], to: "\(folder)/a")
            do {
                let pending = try PendingFile("\(folder)/a")
                try pending.reserve(byteCount: 10_000)
                try [UInt8](repeating: 1, count: 100).withBytes { (bytes) throws(FileError) in try pending.write(bytes, at: 50) }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
            #expect(FileManager.default.contents(atPath: "\(folder)/a") == Data([7]))
        }
    }

    @Test func aPendingFileIsFilledInAnyOrderAndCut() throws {
        try withScratchFolder { folder in
            let pending = try PendingFile("\(folder)/a")
            try pending.reserve(byteCount: 10_000)
            for (byte, place) in [(UInt8(3), 2), (1, 0), (2, 1)] {
                try [byte].withBytes { (bytes) throws(FileError) in try pending.write(bytes, at: place) }
            }
            try pending.putInPlace(byteCount: 3)
            #expect(FileManager.default.contents(atPath: "\(folder)/a") == Data([1, 2, 3]))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
        }
    }
}
