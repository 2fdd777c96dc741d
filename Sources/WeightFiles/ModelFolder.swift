// A folder as the hub lays it out: weights in one file or in several with an index, and JSON beside them that says what they are of.
import Files
import Foundation

/// Finds the weights of a folder.
package enum ModelFolder {
    /// The JSON that stands beside the weights.
    package static let facts = ["config.json", "preprocessor_config.json"]
    /// The files that hold the weights, best first; an index names the files that do.
    package static let candidates = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]
    private static let maximumFactsBytes = 1 << 24

    /// Whether a folder holds weights, and all files that their index names.
    package static func isComplete(_ folder: String) -> Bool {
        guard let name = candidates.first(where: { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }) else {
            return false
        }
        guard name.hasSuffix(".index.json") else { return true }
        let map = FileManager.default.contents(atPath: "\(folder)/\(name)").flatMap(weightMap)
        return map?.values.allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0)") } ?? false
    }

    /// The files that an index names, sorted; nil for what is no index, and for one that names files outside of its folder.
    package static func parts(ofIndexAt path: String) -> [String]? {
        FileManager.default.contents(atPath: path).flatMap(weightMap).map { Set($0.values).sorted() }
    }

    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The file of a folder that holds its weights. Throws where there is none, and says what there is instead.
    static func weights(in folder: String) throws(WeightFileError) -> String {
        if let name = candidates.first(where: { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }) {
            return "\(folder)/\(name)"
        }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        let foreign = [
            (".onnx", "ONNX"), (".gguf", "GGUF"), (".msgpack", "Flax"), ("tf_model.h5", "TensorFlow in transformers' names"),
            (".index", "a TensorFlow checkpoint"), (".pb", "a TensorFlow graph"), (".bin.xml", "OpenVINO"),
        ]
        .first { mark in names.contains { $0.hasSuffix(mark.0) } }
        let found = foreign.map { ", only \($0.1)" } ?? ""
        throw .unsupported(
            folder, "is a folder without model.safetensors or pytorch_model.bin\(found)", "name a weight file, or such a folder")
    }

    /// The texts of the JSON beside a weight file of the hub's names, by name.
    static func facts(beside path: String) -> [String: String] {
        let url = URL(fileURLWithPath: path)
        guard candidates.contains(url.lastPathComponent) else { return [:] }
        let folder = url.deletingLastPathComponent().path
        return facts.reduce(into: [:]) { texts, name in
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)"), bytes.count < maximumFactsBytes else {
                return
            }
            texts[name] = String(decoding: bytes, as: UTF8.self)
        }
    }

    /// For each tensor the file that holds it.
    private static func weightMap(_ bytes: Data) -> [String: String]? {
        guard bytes.count < maximumFactsBytes,
            let map = (try? JSONSerialization.jsonObject(with: bytes) as? [String: Any])?["weight_map"] as? [String: String],
            !map.isEmpty, map.values.allSatisfy({ !$0.isEmpty && !$0.contains("/") && !$0.hasPrefix(".") })
        else { return nil }
        return map
    }

    /// The weight files that an index names, by the tensors that each is asked for.
    static func parts(_ index: MappedFile) throws(WeightFileError) -> [String: WeightFile] {
        guard let map = weightMap(Data(index.bytes)) else {
            throw .damaged(
                index.path, at: nil, "is no index of weights in several files: its weight_map is missing or names no files")
        }
        let folder = URL(fileURLWithPath: index.path).deletingLastPathComponent().path
        var files: [String: WeightFile] = [:]
        for name in Set(map.values).sorted() {
            guard !name.hasSuffix(".index.json") else { throw .damaged(index.path, at: nil, "names another index, '\(name)'") }
            files[name] = try WeightFile.open("\(folder)/\(name)")
        }
        var parts: [String: WeightFile] = [:]
        for (tensor, name) in map {
            guard let file = files[name], file.tensors[tensor] != nil else {
                throw .damaged(index.path, at: nil, "names '\(tensor)' in \(name), which does not hold it")
            }
            parts[tensor] = file
        }
        return parts
    }
}
