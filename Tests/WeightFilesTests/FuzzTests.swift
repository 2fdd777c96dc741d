// Weight files are input from strangers: thousands of damaged ones must each give an error or sound tensors, never a crash, a hang
// or a large allocation. Every file lies before a guard page, so that a read beyond its end ends the test.
//
// GRAFT_FUZZ_CASES=1000000 swift test -c release --filter FuzzTests     runs longer
// GRAFT_FUZZ_TRACE=1                                                    names each case before it runs, to find one that crashes
import Foundation
import Tensors
import Testing

@testable import WeightFiles

/// Seeded damage to a valid file.
private struct Mutator {
    var random: CounterRandom
    let donor: [UInt8]

    /// Numbers that are often handled wrongly, as lengths, counts and offsets.
    private static let numbers: [UInt64] = [
        0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
        0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF,
    ]

    /// One to four kinds of damage in `bytes`.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(4) where !bytes.isEmpty { damage(&bytes) }
        return bytes
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let place = random.below(bytes.count)
        switch random.below(9) {
        case 0, 1: bytes[place] ^= 1 << UInt8(random.below(8))
        case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 3, 4: overwrite(&bytes, at: place)
        case 5: bytes.removeSubrange(place...)
        case 6: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(32)))
        case 7: bytes.insert(contentsOf: piece(of: bytes), at: place)
        default:
            let piece = piece(of: random.below(2) == 0 ? bytes : donor)
            bytes.replaceSubrange(place..<min(bytes.count, place + piece.count), with: piece)
        }
    }

    /// Writes a difficult number, or a number near the one that stands there, over 1, 2, 4 or 8 bytes.
    private mutating func overwrite(_ bytes: inout [UInt8], at place: Int) {
        let width = min(1 << random.below(4), bytes.count - place)
        var number = Self.numbers[random.below(Self.numbers.count)]
        if random.below(3) == 0 {
            number = (0..<width).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) } &+ UInt64(random.below(17)) &- 8
        }
        for index in 0..<width { bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
    }

    private mutating func piece(of bytes: [UInt8]) -> [UInt8] {
        let start = random.below(bytes.count)
        return Array(bytes[start..<min(bytes.count, start + 1 + random.below(64))])
    }
}

@Suite struct FuzzTests {
    private static let fixtures = [
        "all.safetensors", "zip.pth", "zip64.pth", "zip_protocol4.pth", "ema.pth", "training.pth", "untyped.pth", "legacy.pth",
        "legacy_views.pth", "wrapped_legacy.pth", "training_legacy.pth", "tar.pth", "keras_old.h5", "keras_weights_only.h5",
        "keras_chunked.h5",
        "keras.weights.h5", "keras.keras",
        "new.caffemodel", "loose.caffemodel",
    ]
    /// Cases for each file, in the normal run of the tests: every reader has one file or more.
    private static let cases = ProcessInfo.processInfo.environment["GRAFT_FUZZ_CASES"].flatMap(Int.init) ?? 10_000
    private static let traces = ProcessInfo.processInfo.environment["GRAFT_FUZZ_TRACE"] != nil

    @Test(arguments: fixtures.indices)
    func survivesDamage(kind: Int) throws {
        let name = Self.fixtures[kind]
        let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
        let donor = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture(Self.fixtures[(kind + 1) % Self.fixtures.count]))))
        var refused = 0
        let start = ContinuousClock.now
        for index in 0..<Self.cases {
            if Self.traces { FileHandle.standardError.write(Data("\(name) \(index)\n".utf8)) }
            let random = CounterRandom(seed: 17, epoch: kind, index: index, purpose: .synthetic)
            var mutator = Mutator(random: random, donor: donor)
            let bytes = mutator.mutate(original)
            if try refusesOrReads(bytes) { refused += 1 }
        }
        #expect(ContinuousClock.now - start < .milliseconds(10 * Self.cases + 10_000), "\(name) takes too long")
        // Damage to the numbers themselves is no business of a reader; damage to anything else must be found.
        #expect(refused > Self.cases / 8, "\(name)")
    }

    /// Opens `bytes` and reads all tensors; true when the file was refused.
    private func refusesOrReads(_ bytes: [UInt8]) throws -> Bool {
        try withGuarded(bytes) { memory in
            let file: WeightFile
            do throws(WeightFileError) { file = try WeightFile.open(memory) } catch {
                #expect(error.path == "memory")
                return true
            }
            for name in file.names {
                let tensor = try #require(file.tensors[name])
                // What is read is bounded by the file's size, packed or not.
                try #require(tensor.shape.count <= ([.kerasHDF5, .kerasZip].contains(file.format) ? 64 : 1) * bytes.count)
                #expect(try file.floats(name).count == tensor.shape.count)
                if let window = file.floatBytesIfContiguous(name), let last = window.last { _ = last }
            }
            return false
        }
    }
}
