// One opened weight file of any format that Graft reads: names, shapes, and the numbers as float32.
import Files
import Synchronization
import Tensors

/// What a format's reader found in a file.
struct WeightFileContents {
    var format: WeightFile.Format
    /// In file order; names are distinct.
    var tensors: [StoredTensor]
    var metadata: [String: String] = [:]
    var section: String? = nil
    /// The bytes of tensors that are packed in the file, by name.
    var decoded: [String: DecodedBytes] = [:]
}

/// One opened weight file, mapped into memory read-only. Opening checks everything: afterwards each tensor is known to lie within the file.
package final class WeightFile: Sendable {
    /// The containers that weights come in, told apart by content, never by suffix.
    package enum Format: String, Sendable, Hashable, CaseIterable {
        case safetensors
        /// torch.save since 1.6: a zip of a pickle and raw storages.
        case torchZip = "torch zip"
        /// torch.save from 0.1.10 to 1.5: pickles, then raw storages.
        case torchPickle = "torch legacy pickle"
        /// torch.save before 0.1.10.
        case torchTar = "torch legacy tar"
        /// Keras's `.h5` and `.weights.h5`.
        case kerasHDF5 = "Keras HDF5"
        /// Keras 3's `.keras`: a zip with the weights as HDF5.
        case kerasZip = "Keras zip"
        /// Caffe's `.caffemodel`.
        case caffe = "Caffe"
    }

    package let path: String
    package let format: Format
    /// The tensors' names in file order.
    package let names: [String]
    package let tensors: [String: StoredTensor]
    /// safetensors' `__metadata__`; for Keras its version, backend and `model_config`; for Caffe the network's name; empty for other formats.
    package let metadata: [String: String]
    /// The entry of a wrapped checkpoint under which the tensors stood (`state_dict_ema`), if they did not stand at the top.
    package let section: String?
    /// The texts of the hub's JSON files beside the weights (`config.json`, `preprocessor_config.json`), by name.
    package let facts: [String: String]

    private let file: MappedFile
    /// Where the weights are in several files: the one that holds each tensor.
    private let parts: [String: WeightFile]
    private let decoded: [String: DecodedBytes]
    private let checksumOnce = Mutex<UInt64?>(nil)

    /// Far beyond any network's. Names are compared with those of every network, which must not take minutes.
    private static let (maximumTensors, maximumName) = (1 << 16, 1024)

    /// Opens the file at `path`, whatever its format, and checks all of its structure. A folder stands for the weights in it, and an
    /// index for those that it names.
    ///
    /// Throws when the file cannot be read, is of no known format, is damaged, or asks for anything but tensors.
    package static func open(_ path: String) throws(WeightFileError) -> WeightFile {
        let path = ModelFolder.isFolder(path) ? try ModelFolder.weights(in: path) : path
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw WeightFileError(error) }
        guard path.hasSuffix(".index.json") else { return try open(file) }
        let parts = try ModelFolder.parts(file)
        let tensors = parts.keys.sorted().compactMap { parts[$0]?.tensors[$0] }
        let format = parts.first?.value.format ?? .safetensors
        return try checked(file, WeightFileContents(format: format, tensors: tensors), parts)
    }

    static func open(_ file: MappedFile) throws(WeightFileError) -> WeightFile {
        try checked(file, try FormatDetector.read(file), [:])
    }

    private static func checked(
        _ file: MappedFile, _ contents: WeightFileContents, _ parts: [String: WeightFile]
    ) throws(WeightFileError) -> WeightFile {
        guard contents.tensors.count <= maximumTensors else {
            throw .unsupported(
                file.path, at: contents.tensors[maximumTensors].byteOffset,
                "has \(contents.tensors.count) tensors, where at most \(maximumTensors) are read",
                "name the weight file of one network")
        }
        if let long = contents.tensors.first(where: { $0.name.utf8.count > maximumName }) {
            throw .unsupported(
                file.path, at: long.byteOffset,
                "has a tensor whose name takes \(long.name.utf8.count) bytes, where at most "
                    + "\(maximumName) are read", "name the weight file of one network")
        }
        var names: Set<String> = []
        if let twice = contents.tensors.first(where: { !names.insert($0.name).inserted }) {
            throw .damaged(file.path, at: twice.byteOffset, "has the tensor '\(twice.name)' twice")
        }
        return WeightFile(file, contents, parts)
    }

    private init(_ file: MappedFile, _ contents: WeightFileContents, _ parts: [String: WeightFile]) {
        facts = file.isMapped ? ModelFolder.facts(beside: file.path) : [:]
        self.parts = parts
        path = file.path
        format = contents.format
        names = contents.tensors.map(\.name)
        tensors = Dictionary(contents.tensors.map { ($0.name, $0) }) { first, _ in first }
        metadata = contents.metadata
        section = contents.section
        self.file = file
        decoded = contents.decoded
    }

    /// Writes the tensor `name` into `destination` as packed row-major float32; `destination` must have exactly its element count.
    ///
    /// Throws when the file has no such tensor.
    package func readFloats(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(WeightFileError) {
        let tensor = try tensor(name)
        precondition(
            destination.count == tensor.shape.count,
            "\(destination.count) floats cannot hold tensor '\(name)' of shape \(tensor.shape)")
        copy(tensor, to: destination)
    }

    /// The tensor `name` as packed row-major float32 numbers. Throws when the file has no such tensor.
    package func floats(_ name: String) throws(WeightFileError) -> [Float] {
        let tensor = try tensor(name)
        return [Float](unsafeUninitializedCapacity: tensor.shape.count) { buffer, count in
            count = tensor.shape.count
            copy(tensor, to: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// A window on the file itself, valid as long as this object lives: when the tensor is float32, row-major and aligned to 4 bytes.
    package func floatBytesIfContiguous(_ name: String) -> UnsafeRawBufferPointer? {
        guard let tensor = tensors[name], tensor.elementType == .float32, tensor.isRowMajor, tensor.byteCount > 0 else {
            return nil
        }
        let start = tensor.byteOffset
        let window = UnsafeRawBufferPointer(rebasing: bytes(of: tensor)[start..<start + tensor.byteCount])
        guard let base = window.baseAddress, Int(bitPattern: base) % 4 == 0 else { return nil }
        return window
    }

    /// Whether such a window is on a file that the system reads again when its pages were given back.
    package func isMapped(_ name: String) -> Bool { parts[name]?.isMapped(name) ?? (file.isMapped && decoded[name] == nil) }

    /// All bytes: the file's, or those of an index and of the files that it names, in the order of their names.
    private var pieces: [UnsafeRawBufferPointer] {
        let files = Dictionary(parts.values.map { ($0.path, $0) }) { first, _ in first }
        return [file.bytes] + files.sorted { $0.key < $1.key }.map(\.value.file.bytes)
    }

    /// XXH64 of the whole file, computed when first asked for.
    package var checksum: UInt64 {
        checksumOnce.withLock { known in
            if let known { return known }
            var checksum = Checksum()
            for piece in pieces { checksum.update(piece) }
            known = checksum.value
            return checksum.value
        }
    }

    /// SHA-256 of the whole file, as 64 hexadecimal digits, computed at each call.
    package var sha256: String {
        var digest = SHA256()
        for piece in pieces { digest.update(piece) }
        return digest.hexadecimal
    }

    /// Size of the whole file.
    package var byteCount: Int { pieces.reduce(0) { $0 + $1.count } }

    private func tensor(_ name: String) throws(WeightFileError) -> StoredTensor {
        guard let tensor = tensors[name] else {
            throw .unsupported(path, "has no tensor '\(name)'", "see its names with 'graft weights inspect'")
        }
        return tensor
    }

    private func bytes(of tensor: StoredTensor) -> UnsafeRawBufferPointer {
        parts[tensor.name]?.bytes(of: tensor) ?? decoded[tensor.name]?.bytes ?? file.bytes
    }

    private func copy(_ tensor: StoredTensor, to destination: UnsafeMutableBufferPointer<Float>) {
        guard destination.count > 0, let base = bytes(of: tensor).baseAddress else { return }
        if tensor.isRowMajor {
            FloatConversion.convert(base + tensor.byteOffset, of: tensor.elementType, to: destination)
        } else {
            gather(tensor, from: base + tensor.byteOffset, to: destination)
        }
    }

    /// Copies a tensor whose elements do not lie in row-major order, one run along the last axis at a time.
    private func gather(_ tensor: StoredTensor, from base: UnsafeRawPointer, to destination: UnsafeMutableBufferPointer<Float>) {
        let size = tensor.elementType.byteCount
        let (run, runStride) = (tensor.shape[tensor.shape.rank - 1], tensor.strides[tensor.shape.rank - 1])
        let outer = Array(zip(tensor.shape.extents, tensor.strides).dropLast())
        var position = [Int](repeating: 0, count: outer.count)
        var source = 0
        for start in stride(from: 0, to: destination.count, by: run) {
            if runStride == 1 {
                let row = UnsafeMutableBufferPointer(rebasing: destination[start..<start + run])
                FloatConversion.convert(base + source * size, of: tensor.elementType, to: row)
            } else {
                for index in 0..<run {
                    let one = UnsafeMutableBufferPointer(rebasing: destination[start + index..<start + index + 1])
                    FloatConversion.convert(base + (source + index * runStride) * size, of: tensor.elementType, to: one)
                }
            }
            // The next run: count up, the last outer axis fastest.
            for axis in outer.indices.reversed() {
                position[axis] += 1
                source += outer[axis].1
                if position[axis] < outer[axis].0 { break }
                source -= outer[axis].0 * outer[axis].1
                position[axis] = 0
            }
        }
    }
}
