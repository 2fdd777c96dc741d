// safetensors in and out, and files that are replaced whole or not at all.
import Files
import Foundation
import Tensors
import Testing

@testable import WeightFiles

@Suite struct SafetensorsTests {
    /// A file from header text and data.
    private func file(_ header: String, data: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
            + [UInt8](repeating: 0, count: data)
    }

    @Test func writesAndReadsBack() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            let weights: [Float] = [1, -2, 3.5, 4, 5, 6]
            let steps: [Int64] = [7, -8]
            try weights.withUnsafeBytes { weights in
                try steps.withUnsafeBytes { steps in
                    try SafetensorsWriter.write(
                        to: path,
                        tensors: [
                            (name: "fc.weight", type: .float32, shape: [2, 3], bytes: weights),
                            (name: "steps", type: .int64, shape: [2], bytes: steps),
                        ], metadata: ["classes": "cat\n\"dog\"\u{1}"])
                }
            }
            let opened = try WeightFile.open(path)
            #expect(opened.format == .safetensors)
            #expect(opened.names == ["steps", "fc.weight"])
            #expect(opened.metadata == ["classes": "cat\n\"dog\"\u{1}"])
            #expect(opened.tensors["fc.weight"]?.shape == [2, 3])
            #expect(try opened.floats("fc.weight") == weights)
            #expect(try opened.floats("steps") == [7, -8])
            let window = try #require(opened.floatBytesIfContiguous("fc.weight"))
            #expect(Array(window.bindMemory(to: Float.self)) == weights)
            #expect(opened.floatBytesIfContiguous("steps") == nil)
            var checksum = Checksum()
            try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { checksum.update($0) }
            #expect(opened.checksum == checksum.value)
            #expect(throws: WeightFileError.self) { try opened.floats("fc.bias") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.safetensors"])
        }
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "cut short"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, "after the last tensor"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12, "continues the one before"),
        (
            #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[3,6]}}"#, 6,
            "continues"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}"#, 6,
            "twice"
        ),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "12 are needed"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, 8, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}"#, 0, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#, 8, "beyond 64 bits"),
        (#"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, 8, "plain non-negative integer"),
        (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, "plain non-negative integer"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "backwards"),
        (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#, 8, "type C64"),
        (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, 8, "without dtype"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":[[[[[[[[[[[[[[[[[[[[[[["#, 8, "nests deeper"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}x"#, 8, "more text"),
        (#"{"__metadata__":{"a":1}}"#, 0, "lacks a"),
        ("{\"\n\":1}", 0, "control character"),
        (#"{"\ud800":{}}"#, 0, "half a character"),
    ])
    func refuses(header: String, data: Int, words: String) throws {
        let error = try #require(errorOpening(file(header, data: data)))
        #expect(error.description.contains(words), "\(error)")
        #expect(error.offset != nil)
    }

    @Test func refusesImpossibleHeaderLengths() throws {
        var bytes = file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: 8)
        bytes[3] = 0xFF
        #expect(try #require(errorOpening(bytes)).description.contains("at most 100000000"))
        bytes[3] = 0x01
        #expect(try #require(errorOpening(bytes)).description.contains("cut short: its header takes 16777270 bytes, but only"))
        bytes[7] = 0xFF
        #expect(try #require(errorOpening(bytes)).description.contains("impossible size"))
        #expect(errorOpening(Array(bytes[..<5])) != nil)
    }

    @Test func acceptsWhatTheLibraryAccepts() {
        #expect(errorOpening(file("{}", data: 0)) == nil)
        let noMetadata = #"{"__metadata__":null,"a":{"shape":[],"dtype":"BF16","data_offsets":[0,2]}} "# + "\n"
        #expect(errorOpening(file(noMetadata, data: 2)) == nil)
        let unknownKey = #"{"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0],"x":[1,{"y":-2.5e3}]}}"#
        #expect(errorOpening(file(unknownKey, data: 0)) == nil)
    }

    @Test func namesWhatIsWrongWithThePath() throws {
        try withScratchFolder { folder in
            for path in ["\(folder)/none", folder, "/dev/null"] {
                let error = #expect(throws: WeightFileError.self) { try WeightFile.open(path) }
                #expect(error?.path == path)
            }
        }
    }
}
