// `graft export` and `graft weights convert`: what they write, read back.
import Files
import Foundation
import Graphs
import Networks
import TestSupport
import Tensors
import Testing
import WeightFiles

@Suite struct ExportTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "graft-export-\(UUID().uuidString)")
    private let classes = ["cat", "dog \"Ö\""]

    /// A self-contained ResNet-18 for two classes, whose every number is told by its name and place.
    private func makeSource(_ metadata: [String: String]) throws -> String {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let graph = try NetworkCatalog.entry(named: "resnet18").build(BuildOptions(classes: 2))
        let path = folder.appending(path: "source.safetensors").path
        let writer = SafetensorsWriter(graph.parameters.map { .init(name: $0.name, shape: $0.shape) }, metadata: metadata)
        try writer.write(to: path) { (tensor, sink: inout AtomicFile.Sink) throws(FileError) in
            let values = (0..<tensor.shape.count).map { Float($0 % 251 + tensor.name.utf8.count) / 256 }
            var bytes: [UInt8] = []
            values.withUnsafeBytes { bytes = Array($0) }
            try sink.write(bytes)
        }
        return path
    }

    private func export(_ source: String, _ format: String, _ more: String...) throws -> String {
        let target = folder.appending(path: "target").path
        let launch = try Launch(["export", source, "--format", format, "--output", target] + more)
        try #require(launch.status == 0, "\(launch.errors)")
        return target
    }

    private func expectSameTensors(_ target: WeightFile, _ source: WeightFile) throws {
        for name in source.names {
            #expect(target.tensors[name]?.shape == source.tensors[name]?.shape)
            #expect(try target.floats(name) == source.floats(name), "\(name)")
        }
    }

    @Test func torchFilesHaveWhatStrictLoadingWants() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = try makeSource(["architecture": "resnet18", "classes": try json(classes)])
        let path = try export(source, "torchvision")
        let (target, original) = (try WeightFile.open(path), try WeightFile.open(source))
        #expect(target.format == .torchZip)
        try expectSameTensors(target, original)
        let counters = target.names.filter { $0.hasSuffix("num_batches_tracked") }
        #expect(counters.count == 20 && target.names.count == original.names.count + 20)
        #expect(counters.allSatisfy { target.tensors[$0]?.elementType == .int64 && target.tensors[$0]?.shape == [] })
        #expect(Array(target.names.prefix(6).suffix(2)) == ["bn1.running_var", "bn1.num_batches_tracked"])
        let facts = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path + ".json"))) as? [String: Any]
        #expect(facts?["classes"] as? [String] == classes)
    }

    @Test func safetensorsNeedNothingElse() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = try makeSource(["architecture": "resnet18", "classes": try json(classes)])
        let target = try WeightFile.open(try export(source, "safetensors"))
        try expectSameTensors(target, try WeightFile.open(source))
        #expect(target.metadata["architecture"] == "resnet18")
        #expect(
            target.metadata["classes"].map { Data($0.utf8) }.map { try? JSONDecoder().decode([String].self, from: $0) } == classes
        )
        #expect(target.metadata["preprocessing"]?.contains("\"crop\":224") == true)
    }

    @Test(arguments: ["timm", "transformers"]) func foldersOfTheHubAreReadBack(library: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let preprocessing =
            #"{"channelOrder":"rgb","crop":160,"deviation":[127.5,127.5,127.5],"interpolation":"bicubic","mean":[127.5,127.5,127.5],"resize":177}"#
        let source = try makeSource(["architecture": "resnet18", "classes": try json(classes), "preprocessing": preprocessing])
        let path = try export(source, library)
        let facts = library == "timm" ? ["config.json"] : ["config.json", "preprocessor_config.json"]
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: path)) == Set(facts + ["model.safetensors"]))
        let again = folder.appending(path: "again.safetensors").path
        try #require(try Launch(["weights", "convert", path, again]).status == 0)
        let (target, original) = (try WeightFile.open(again), try WeightFile.open(source))
        try expectSameTensors(target, original)
        for key in ["architecture", "classes", "preprocessing"] {
            #expect(target.metadata[key] == original.metadata[key], "\(key)")
        }
        let reversed = try makeSource(["architecture": "resnet18", "preprocessing": preprocessing.replacing("rgb", with: "bgr")])
        let refused = try Launch(["export", reversed, "--format", library, "--output", path])
        #expect(refused.status == 65 && refused.errors.contains("cannot be written for \(library): its pixels are blue first"))
    }

    @Test func theNetworkIsRecognised() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = try makeSource([:])
        let target = folder.appending(path: "converted.safetensors").path
        let launch = try Launch(["weights", "convert", source, target])
        #expect(launch.status == 0, "\(launch.errors)")
        let inspection = try Launch(["weights", "inspect", target, "--json"])
        let facts = try JSONSerialization.jsonObject(with: Data(inspection.output.utf8)) as? [String: Any]
        #expect(facts?["network"] as? String == "resnet18" && facts?["class_count"] as? Int == 2)
        #expect(facts?["fits"] as? Bool == true && facts?["certainty"] as? String == "the file says so")
        #expect((facts?["tensors"] as? [Any])?.count == 102)
    }

    @Test func filesThatContradictThemselvesAreRefused() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let three = try Launch(["export", makeSource(["classes": #"["a", "b", "c"]"#]), "--format", "onnx", "--output", "x"])
        #expect(three.status == 65 && three.errors.contains("names 3 classes, but its last layer tells 2 apart"))
        let preprocessing =
            #"{"channelOrder":"rgb","crop":0,"deviation":[1,1,1],"interpolation":"bilinear","mean":[0,0,0],"resize":0}"#
        let zero = try Launch(["export", makeSource(["preprocessing": preprocessing]), "--format", "onnx", "--output", "x"])
        #expect(zero.status == 65 && zero.errors.contains("the preprocessing in its metadata cannot be"))
        let other = try Launch([
            "export", makeSource(["architecture": "resnet18"]), "--network", "resnet34", "--format", "onnx", "--output", "x",
        ])
        #expect(other.status == 65 && other.errors.contains("says that it is for resnet18, not for resnet34"))
    }

    private func json(_ value: [String]) throws -> String { String(decoding: try JSONEncoder().encode(value), as: UTF8.self) }
}
