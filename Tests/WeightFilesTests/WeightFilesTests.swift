// What the tests of weight files share: fixtures, scratch folders, and errors as values.
import Files
import Foundation
import Tensors
import Testing

@testable import WeightFiles

/// The path of a committed fixture.
func fixture(_ name: String) throws -> String {
    let folder = try #require(Bundle.module.resourceURL)
    return folder.appendingPathComponent("Fixtures/\(name)").path
}

/// Runs `body` with a scratch folder that is removed afterwards.
func withScratchFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graft-weights-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

/// Opens a file made of `bytes`, which lie directly before a page that must not be touched: reading beyond the end crashes the test.
func withGuarded<Result>(_ bytes: [UInt8], _ body: (MappedFile) throws -> Result) rethrows -> Result {
    let page = 4096
    let room = (bytes.count + page - 1) / page * page
    guard let base = mmap(nil, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
        preconditionFailure("no memory for a test")
    }
    defer { munmap(base, room + page) }
    mprotect(base + room, page, PROT_NONE)
    let memory = UnsafeMutableRawBufferPointer(start: base + room - bytes.count, count: bytes.count)
    memory.copyBytes(from: bytes)
    return try body(MappedFile(path: "memory", memory: UnsafeRawBufferPointer(memory)))
}

/// The error that opening `bytes` gives, or nil when they are a sound weight file.
func errorOpening(_ bytes: [UInt8]) -> WeightFileError? {
    withGuarded(bytes) { file in
        do throws(WeightFileError) {
            _ = try WeightFile.open(file)
            return nil
        } catch {
            return error
        }
    }
}
