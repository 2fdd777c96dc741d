// Which format a file has, told from its first bytes.
import Files

/// Tells the formats apart and hands the file to the right reader.
enum FormatDetector {
    static func read(_ file: MappedFile) throws(WeightFileError) -> WeightFileContents {
        if SafetensorsReader.recognizes(file) { return try SafetensorsReader.read(file) }
        if TorchPickleReader.recognizes(file) { return try TorchPickleReader.read(file) }
        if ZipDirectory.recognizes(file) {
            let directory = try ZipDirectory(file)
            if let contents = try TorchZipReader.read(file, directory) { return contents }
            if let contents = try KerasReader.read(file, directory) { return contents }
            throw .unsupported(file.path, at: 0, "is a zip file without weights of a known kind", "name the weight file itself")
        }
        if HDF5File.recognizes(file) { return try KerasReader.read(file, in: 0..<file.count, format: .kerasHDF5) }
        if TorchTarReader.recognizes(file) { return try TorchTarReader.read(file) }
        if let kind = foreignFormat(file) { throw foreign(file, kind) }
        if CaffeReader.recognizes(file) { return try CaffeReader.read(file) }
        throw unknown(file)
    }

    /// Formats of networks that Graft does not read, by their first or last bytes.
    private static func foreignFormat(_ file: MappedFile) -> String? {
        if file.holds(Array("GGUF".utf8)) { return "a GGUF file (a language model's)" }
        if file.holds(Array("TFL3".utf8), at: 4) { return "a TensorFlow Lite model" }
        if file.holds(Array("<?xml".utf8)) { return "XML, as OpenVINO describes a network" }
        // The last field of a table of LevelDB, in which TensorFlow lists a checkpoint's variables.
        if file.count > 48, file.holds([0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB], at: file.count - 8) {
            return "a TensorFlow checkpoint's index"
        }
        // A message that begins with the version of its format, then a text: ONNX's since version 3, TensorFlow's 1.
        guard file.count > 16, file.holds([0x08]), file.holds([0x12], at: 2) || file.holds([0x3A], at: 2) else { return nil }
        return file.holds([0x01], at: 1) ? "a TensorFlow graph (a SavedModel)" : "an ONNX model"
    }

    private static let formats = "Graft reads safetensors, torch's .pth, Keras's .h5 and .keras, and Caffe's .caffemodel"

    private static func foreign(_ file: MappedFile, _ kind: String) -> WeightFileError {
        .unsupported(file.path, at: 0, "is \(kind), which Graft does not read", formats)
    }

    /// What a file that is no weight file looks like, for the mistakes that people make.
    private static func unknown(_ file: MappedFile) -> WeightFileError {
        if file.holds([0x1F, 0x8B]) { return .unsupported(file.path, at: 0, "is compressed with gzip", "unpack it first") }
        if file.holds(Array("version https://git-lfs".utf8)) {
            return .unsupported(
                file.path, at: 0, "is a Git LFS pointer, not the weights", "fetch the file itself with 'git lfs pull'")
        }
        if file.holds(Array("<!DOCTYPE".utf8)) || file.holds(Array("<html".utf8)) {
            return .unsupported(file.path, at: 0, "is a web page, not weights", "download the file again")
        }
        if file.holds(Array("{".utf8)) {
            let isIndex = String(decoding: file.bytes(in: 0..<min(file.count, 1 << 16)), as: UTF8.self).contains("\"weight_map\"")
            return .unsupported(
                file.path, at: 0, isIndex ? "is the index of weights in several files, not the weights" : "is JSON, not weights",
                "name the weight file of one network, in one file")
        }
        if file.holds([0x80, 0x02]) || file.holds([0x80, 0x03]) || file.holds([0x80, 0x04]) {
            return .unsupported(
                file.path, at: 0, "is a plain pickle without torch's header", "save it with torch.save or as safetensors")
        }
        return .unsupported(file.path, at: 0, "is of no known weight format (it is damaged, or no weight file)", formats)
    }
}
