// Files made with ill intent: each kind of attack that a reader must bound, tried on purpose rather than by chance.
import Foundation
import Tensors
import Testing

@testable import WeightFiles

@Suite struct HostileTests {
    /// A legacy torch file with the object that `pickle` builds, no storages, and nothing after.
    private func legacy(_ pickle: [UInt8]) -> [UInt8] {
        let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 3, 0x2E]
        let system: [UInt8] = [0x80, 2, 0x7D, 0x2E]
        let keys: [UInt8] = [0x80, 2, 0x5D, 0x2E]
        return magic + version + system + [0x80, 2] + pickle + [0x2E] + keys
    }

    @Test func deepPicklesDoNotExhaustTheStack() throws {
        // [[[[…]]]] a million deep: EMPTY_LIST × n, APPEND × n.
        let lists = [UInt8](repeating: 0x5D, count: 900_000) + [UInt8](repeating: 0x61, count: 899_999)
        #expect(try #require(errorOpening(legacy(lists))).description.contains("no state dict"))
        let tuples = [0x29] + [UInt8](repeating: 0x85, count: 1_000_000)
        #expect(try #require(errorOpening(legacy(tuples))).description.contains("no state dict"))
        #expect(try #require(errorOpening(legacy(tuples + tuples))).description.contains("more than 2000000 operations"))
    }

    @Test func picklesThatHoldThemselvesAreRefused() throws {
        // x = []; x.append(x), and d = {}; d["model"] = d.
        #expect(errorOpening(legacy([0x5D, 0x71, 0, 0x68, 0, 0x61])) != nil)
        let model: [UInt8] = [0x58, 5, 0, 0, 0] + Array("model".utf8)
        #expect(
            try #require(errorOpening(legacy([0x7D, 0x71, 0] + model + [0x68, 0, 0x73]))).description.contains("no state dict"))
    }

    @Test func aDictionaryThatHoldsItselfUnderManyNamesIsLookedAtOnce() throws {
        // d = {}; d["0.ema"] = d; d["1.ema"] = d; …
        let entries = (0..<10_000).flatMap { number in
            let name = Array("\(number).ema".utf8)
            return [0x58, UInt8(name.count), 0, 0, 0] + name + [0x68, 0] as [UInt8]
        }
        let start = ContinuousClock.now
        #expect(
            try #require(errorOpening(legacy([0x7D, 0x71, 0, 0x28] + entries + [0x75]))).description.contains("no state dict"))
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test(arguments: ["cargparse\nNamespace\n)\u{81}", "ccollections\nOrderedDict\n)\u{81}", "K\u{1})\u{81}"])
    func onlyPlainDataIsMadeAndItIsNoStateDict(pickle: String) throws {
        let bytes = pickle.unicodeScalars.map { UInt8($0.value) }
        let error = try #require(errorOpening(legacy(bytes)))
        #expect(error.description.contains(pickle.hasPrefix("cargparse") ? "no state dict" : "not plain data"), "\(error)")
    }

    @Test func oneListCopiedByEveryCallIsRefused() throws {
        // l = [(0, 0)] × 100,000, then OrderedDict(l) again and again: each call would copy the list.
        let pair: [UInt8] = [0x4B, 0, 0x4B, 0, 0x86]
        let list: [UInt8] = [0x5D, 0x71, 0, 0x28] + (0..<100_000).flatMap { _ in pair } + [0x65]
        let function = [0x63] + Array("collections\nOrderedDict\n".utf8) + [0x71, 1]
        let calls = (0..<1000).flatMap { _ in [0x68, 1, 0x68, 0, 0x85, 0x52] as [UInt8] }
        #expect(try #require(errorOpening(legacy(list + function + calls))).description.contains("more than 2000000 operations"))
    }

    @Test(arguments: [
        ("cos\nsystem\n", "os.system"), ("cbuiltins\neval\n", "builtins.eval"), ("ctorch\nload\n", "torch.load"),
        ("ctorch._utils\n_rebuild_device_tensor_from_numpy\n", "_rebuild_device_tensor_from_numpy"),
        ("ctorch.hub\nload_state_dict_from_url\n", "torch.hub.load_state_dict_from_url"), ("i__main__\nx\n", "operation 0x69"),
    ])
    func whatIsNotATensorIsRefusedByName(pickle: String, words: String) throws {
        let error = try #require(errorOpening(legacy(Array(pickle.utf8))))
        #expect(error.description.contains(words), "\(error)")
        #expect(error.offset != nil)
    }

    @Test func zipEntriesThatShareBytesAreRefused() throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("module.pth"))))
        let file = try WeightFile.open(fixture("module.pth"))
        #expect(file.names.count == 7)
        // The second entry of the directory is made to point at the first one's place.
        let headers = bytes.indices.dropLast(4).filter { bytes[$0..<$0 + 4].elementsEqual([0x50, 0x4B, 1, 2]) }
        try #require(headers.count > 2)
        for index in 42..<46 { bytes[headers[1] + index] = bytes[headers[0] + index] }
        #expect(try #require(errorOpening(bytes)).description.contains("under two names"))
    }

    @Test func expandedTensorsBeyondTheFileAreRefused() throws {
        // One float, shown as 2⁴⁰ of them by a stride of zero.
        var pickle = Array("(X".utf8) + [6, 0, 0, 0] + Array("weightctorch._utils\n_rebuild_tensor_v2\n((X".utf8)
        pickle += [7, 0, 0, 0] + Array("storagectorch\nFloatStorage\nX".utf8) + [1, 0, 0, 0] + Array("0X".utf8)
        pickle +=
            [3, 0, 0, 0] + Array("cpu".utf8) + [0x4B, 1, 0x74, 0x51, 0x4B, 0, 0x8A, 6, 0, 0, 0, 0, 0, 1, 0x85, 0x4B, 0, 0x85]
        pickle += [0x89, 0x7D, 0x74, 0x52]
        let error = try #require(errorOpening(legacy([0x7D] + pickle + [0x75])))
        #expect(error.description.contains("more than the file has bytes"), "\(error)")
    }

    @Test func hdf5GroupsInACircleAreRefused() throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("keras_old.h5"))))
        // Every link of the root's table is made to lead to the root itself.
        let root = Int(bytes[64]) | Int(bytes[65]) << 8
        let table = try #require(bytes.indices.dropLast(4).first { bytes[$0..<$0 + 4].elementsEqual("SNOD".utf8) })
        for entry in 0..<3 {
            bytes[table + 8 + 40 * entry + 8] = UInt8(root & 0xFF)
            bytes[table + 8 + 40 * entry + 9] = UInt8(root >> 8)
        }
        #expect(try #require(errorOpening(bytes)).description.contains("twice"))
    }

    /// Safetensors of empty tensors with these names.
    private func safetensors(_ names: [String]) -> [UInt8] {
        let entries = names.map { "\"\($0)\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}" }
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
    }

    @Test func namesBeyondAnyNetworkAreRefused() throws {
        let many = safetensors((0..<70_000).map { "layer\($0)" })
        #expect(try #require(errorOpening(many)).description.contains("has 70000 tensors, where at most 65536 are read"))
        let long = safetensors([String(repeating: "/", count: 1_000_000)])
        #expect(try #require(errorOpening(long)).description.contains("whose name takes 1000000 bytes"))
        #expect(errorOpening(safetensors([String(repeating: "/", count: 1024)])) == nil)
    }

    @Test func manyTinyBlobsAreRefused() throws {
        // A layer of 40,000 empty blobs, three times over.
        let blobs = (0..<40_000).flatMap { _ in [0x3A, 0] as [UInt8] }
        let layer: [UInt8] = [0x0A, 1, 0x61] + blobs
        let length = [UInt8(layer.count & 0x7F) | 0x80, UInt8(layer.count >> 7 & 0x7F) | 0x80, UInt8(layer.count >> 14)]
        let field: [UInt8] = [0xA2, 0x06] + length + layer
        let net = field + field + field
        #expect(try #require(errorOpening(net)).description.contains("more than 65536 blobs"))
    }
}
