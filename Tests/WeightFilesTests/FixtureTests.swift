// Files made by torch and safetensors themselves, against what those libraries say they hold (Fixtures/make_fixtures.py).
import Foundation
import Tensors
import Testing

@testable import WeightFiles

/// What a fixture holds, by the library that made it.
struct ExpectedTensor: Decodable {
    var type: ElementType
    var shape: [Int]
    var values: [Float]

    static func load() throws -> [String: [String: ExpectedTensor]] {
        try ["expected.json", "expected_keras.json", "expected_caffe.json"].reduce(into: [:]) { all, name in
            let data = try Data(contentsOf: URL(fileURLWithPath: fixture(name)))
            let some = try JSONDecoder().decode([String: [String: ExpectedTensor]].self, from: data)
            all.merge(some) { first, _ in first }
        }
    }
}

extension ElementType: Decodable {}

@Suite struct FixtureTests {
    @Test(arguments: [
        ("all.safetensors", WeightFile.Format.safetensors, nil),
        ("zip.pth", .torchZip, nil),
        ("zip_protocol4.pth", .torchZip, nil),
        ("zip64.pth", .torchZip, nil),
        ("legacy.pth", .torchPickle, nil),
        ("legacy_views.pth", .torchPickle, nil),
        ("parameters.pth", .torchZip, nil),
        ("module.pth", .torchZip, nil),
        ("wrapped.pth", .torchZip, "state_dict"),
        ("wrapped_legacy.pth", .torchPickle, "state_dict"),
        ("ema.pth", .torchZip, "model_ema"),
        ("compiled.pth", .torchZip, "model.state_dict"),
        ("training.pth", .torchZip, "generator"),
        ("training_legacy.pth", .torchPickle, "generator"),
        ("training_protocol4.pth", .torchZip, "generator"),
        ("ema_inside.pth", .torchZip, "ema.module"),
        ("ema_named.pth", .torchZip, "params_ema"),
        ("ema_empty.pth", .torchZip, "net"),
        ("untyped.pth", .torchZip, nil),
        ("tar.pth", .torchTar, nil),
        ("keras.keras", .kerasZip, nil),
        ("keras.weights.h5", .kerasHDF5, nil),
        ("keras_float16.weights.h5", .kerasHDF5, nil),
        ("keras_bfloat16.weights.h5", .kerasHDF5, nil),
        ("keras_weights_only.h5", .kerasHDF5, nil),
        ("keras_whole.h5", .kerasHDF5, nil),
        ("keras_old.h5", .kerasHDF5, nil),
        ("keras_chunked.h5", .kerasHDF5, nil),
        ("new.caffemodel", .caffe, nil),
        ("old.caffemodel", .caffe, nil),
        ("oldest.caffemodel", .caffe, nil),
        ("double.caffemodel", .caffe, nil),
        ("loose.caffemodel", .caffe, nil),
    ])
    func holdsWhatTheLibrarySays(name: String, format: WeightFile.Format, section: String?) throws {
        let file = try WeightFile.open(fixture(name))
        let expected = try #require(try ExpectedTensor.load()[name])
        #expect(file.format == format)
        #expect(file.section == section)
        #expect(Set(file.names) == Set(expected.keys))
        #expect(file.names.count == expected.count)
        for (name, tensor) in expected {
            let stored = try #require(file.tensors[name], "\(name)")
            #expect(stored.elementType == tensor.type, "\(name)")
            #expect(stored.shape == TensorShape(tensor.shape), "\(name)")
            #expect(try file.floats(name) == tensor.values, "\(name)")
            if let window = file.floatBytesIfContiguous(name) {
                #expect(Array(window.bindMemory(to: Float.self)) == tensor.values, "\(name)")
            }
        }
    }

    @Test func keepsTheOrderOfTheStateDict() throws {
        let file = try WeightFile.open(fixture("module.pth"))
        #expect(file.names.first == "0.weight")
        #expect(file.names.last == "1.num_batches_tracked")
        #expect(file.floatBytesIfContiguous("0.weight") != nil)
        #expect(file.metadata.isEmpty)
        #expect(try WeightFile.open(fixture("all.safetensors")).metadata == ["format": "pt"])
    }

    @Test func keepsKerasOrderAndMetadata() throws {
        let whole = try WeightFile.open(fixture("keras_whole.h5"))
        #expect(
            whole.names.prefix(3) == ["conv1_conv/conv1_conv/kernel", "conv1_conv/conv1_conv/bias", "conv1_bn/conv1_bn/gamma"])
        #expect(whole.metadata["model_config"]?.contains("conv1_bn") == true)
        #expect(whole.metadata["backend"] == "torch")
        let old = try WeightFile.open(fixture("keras_old.h5"))
        #expect(
            old.names == [
                "fc1/fc1/kernel:0", "fc1/fc1/steps:0", "block1_conv1/block1_conv1_W_1:0", "block1_conv1/block1_conv1_b_1:0",
            ])
        #expect(old.metadata == ["backend": "tensorflow", "keras_version": "2.0.1"])
        #expect(try WeightFile.open(fixture("keras.keras")).metadata["model_config"]?.contains("conv1_bn") == true)
    }

    @Test func stridedWindowsAreNotHandedOut() throws {
        let file = try WeightFile.open(fixture("zip.pth"))
        for name in ["transposed", "sliced", "column", "expanded", "channels_last"] {
            #expect(file.floatBytesIfContiguous(name) == nil, "\(name)")
        }
        #expect(file.floatBytesIfContiguous("shared") != nil)
        #expect(file.floatBytesIfContiguous("float16") == nil)
    }

    @Test(arguments: [
        ("evil.pth", "asks to call posix.system, which is not a tensor"),
        ("evil_legacy.pth", "asks to call posix.system, which is not a tensor"),
        ("evil_protocol4.pth", "asks to call builtins.eval, which is not a tensor"),
        ("quantized.pth", "torch._utils._rebuild_qtensor"),
        ("whole_model.pth", "torch.nn.modules.linear.Linear"),
        ("uint16.pth", "torch.uint16"),
        ("complex.pth", "torch.ComplexFloatStorage"),
        ("no_tensors.pth", "holds no state dict: its entries are 'epoch', 'numbers'"),
        ("script.pth", "TorchScript"),
        ("keras_lzf.h5", "packed in a way that Graft does not read"),
        ("keras_unwritten.h5", "has 2 chunks of the dataset 'a/kernel:0', where 4 are needed"),
        ("keras_bomb.h5", "unpacks to more than 64 times its size"),
        ("keras_latest.h5", "layout of HDF5 that Keras does not use"),
        ("keras_big_endian.h5", "in a type that Graft does not read"),
        ("deflated.pth", "compressed or encrypted zip entry"),
    ])
    func refuses(name: String, words: String) throws {
        let error = #expect(throws: WeightFileError.self) { try WeightFile.open(fixture(name)) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(error?.path.hasSuffix(name) == true)
    }

    @Test(arguments: [
        "zip.pth", "legacy.pth", "tar.pth", "all.safetensors", "keras_old.h5", "keras.keras", "new.caffemodel", "old.caffemodel",
    ])
    func refusesWhatIsCutShort(name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
        // A tar archive ends in padding, without which it is still whole.
        let end = name == "tar.pth" ? 3072 : name == "keras_old.h5" ? 4096 : bytes.count
        for length in stride(from: 1, to: end, by: end / 700) {
            let error = errorOpening(Array(bytes[..<length]))
            // A Caffe file that ends just after a layer is a file of fewer layers.
            #expect(error != nil || name.hasSuffix("caffemodel"), "\(length)")
        }
    }

    @Test func tellsWhatIsNoWeightFile() {
        let cases = [
            ("{\"metadata\": {}, \"weight_map\": {\"a\": \"model-1.safetensors\"}}", "several files"), ("{\"a\": 1}", "is JSON"),
            ("<!DOCTYPE html><html>", "web page"), ("version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
            ("\u{1F}", "no known weight format"), ("hello, world", "no known weight format"),
        ]
        for (text, words) in cases {
            #expect(errorOpening(Array(text.utf8))?.description.contains(words) == true, "\(text)")
        }
        #expect(errorOpening([0x80, 2, 0x7D, 0x2E])?.description.contains("plain pickle") == true)
        #expect(errorOpening([0x1F, 0x8B, 8, 0])?.description.contains("gzip") == true)
    }
}

@Suite struct FloatConversionTests {
    /// Converts packed elements.
    private func converted<Element>(_ elements: [Element], _ type: ElementType) -> [Float] {
        var floats = [Float](repeating: 0, count: elements.count)
        elements.withUnsafeBytes { source in
            floats.withUnsafeMutableBufferPointer { target in
                if let base = source.baseAddress { FloatConversion.convert(base, of: type, to: target) }
            }
        }
        return floats
    }

    @Test func widensEveryHalf() {
        let halves = (0...UInt16.max).map { $0 }
        let expected = halves.map { float32(fromFloat16: $0).bitPattern }
        #expect(converted(halves, .float16).map(\.bitPattern) == expected)
    }

    @Test func convertsEachType() {
        #expect(converted([UInt16(0x3F80), 0xC040, 0xFF80], .bfloat16) == [1, -3, -.infinity])
        #expect(converted([1.5, -2e300, 0.1], .float64) == [1.5, -.infinity, 0.1])
        #expect(converted([Int64(-5), 1 << 40], .int64) == [-5, 0x1p40])
        #expect(converted([Int8(-128), 127], .int8) == [-128, 127])
        #expect(converted([UInt8(2), 0], .bool) == [1, 0])
    }
}
