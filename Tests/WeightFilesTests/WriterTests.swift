// What Graft writes: read back here, and read by the libraries themselves where they are installed.
import Files
import Foundation
import Tensors
import Testing

@testable import WeightFiles

/// Every tensor of a fixture, packed in memory.
private struct PackedTensors {
    var tensors: [SafetensorsWriter.Tensor] = []
    private let buffer: AlignedBuffer

    /// Copies the raw bytes of the tensors of a safetensors file.
    init(_ path: String) throws {
        let file = try WeightFile.open(path)
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        buffer = AlignedBuffer(byteCount: data.count)
        data.copyBytes(to: buffer.bytes)
        for name in file.names {
            let tensor = try #require(file.tensors[name])
            let bytes = UnsafeRawBufferPointer(buffer.bytes)[tensor.byteOffset..<tensor.byteOffset + tensor.byteCount]
            tensors.append((name, tensor.elementType, tensor.shape, UnsafeRawBufferPointer(rebasing: bytes)))
        }
    }
}

@Suite struct WriterTests {
    @Test func writesSafetensorsByteForByteAsTheLibrary() throws {
        try withScratchFolder { folder in
            let original = try fixture("all.safetensors")
            let packed = try PackedTensors(original)
            try SafetensorsWriter.write(to: "\(folder)/a", tensors: packed.tensors.reversed(), metadata: ["format": "pt"])
            #expect(FileManager.default.contents(atPath: "\(folder)/a") == FileManager.default.contents(atPath: original))
        }
    }

    @Test func writesTorchFilesThatReadBack() throws {
        try withScratchFolder { folder in
            let original = try WeightFile.open(fixture("all.safetensors"))
            let packed = try PackedTensors(original.path)
            try TorchWriter.write(to: "\(folder)/a.pth", tensors: packed.tensors)
            let file = try WeightFile.open("\(folder)/a.pth")
            #expect(file.format == .torchZip)
            #expect(file.names == original.names)
            for name in original.names {
                #expect(file.tensors[name]?.shape == original.tensors[name]?.shape)
                #expect(file.tensors[name]?.elementType == original.tensors[name]?.elementType)
                #expect((file.tensors[name]?.byteOffset ?? 1) % 64 == 0)
                #expect(try file.floats(name) == original.floats(name))
            }
        }
    }

    /// Set GRAFT_PYTHON to a Python with torch to let torch itself read the file.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["GRAFT_PYTHON"] != nil))
    func torchReadsWhatIsWritten() throws {
        try withScratchFolder { folder in
            let packed = try PackedTensors(fixture("all.safetensors"))
            try TorchWriter.write(to: "\(folder)/a.pth", tensors: packed.tensors)
            let script = """
                import sys, torch, zipfile
                from safetensors.torch import load_file
                ours, theirs = torch.load(sys.argv[1], weights_only=True), load_file(sys.argv[2])
                assert zipfile.ZipFile(sys.argv[1]).testzip() is None
                assert set(ours) == set(theirs), (set(ours), set(theirs))
                for name, tensor in theirs.items():
                    assert ours[name].dtype == tensor.dtype and torch.equal(ours[name], tensor), name
                """
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["GRAFT_PYTHON"]))
            process.arguments = ["-c", script, "\(folder)/a.pth", try fixture("all.safetensors")]
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
    }
}
