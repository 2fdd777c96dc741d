// A state dict as torch.save writes it since 1.6, readable with torch.load(weights_only=True).
package import Files
import Tensors

/// Writes torch's zip container: a pickle of an OrderedDict of tensors, and one stored entry per tensor.
package enum TorchWriter {
    /// Writes `tensors` (packed, row-major) as a state dict in the given order, to `path`, whole or not at all.
    ///
    /// Throws `FileError` when the disk is full or fails, or when the file would reach 4 GiB.
    package static func write(to path: String, tensors: [SafetensorsWriter.Tensor]) throws(FileError) {
        precondition(Set(tensors.map(\.name)).count == tensors.count, "the tensors of a file must have distinct names")
        // Beside the data: names, twice each, and less than 400 bytes per tensor.
        let estimate = tensors.reduce(4096) { $0 + $1.bytes.count + 400 + 2 * $1.name.utf8.count }
        guard estimate <= ZipWriter.maximumBytes, tensors.count < 0xFF00 else {
            throw FileError(
                path: path, problem: "would be a torch file of 4 GiB or more", advice: "write safetensors instead")
        }
        try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FileError) in
            var zip = ZipWriter()
            try zip.add("archive/data.pkl", pickle(tensors), to: &sink)
            try zip.add("archive/byteorder", Array("little".utf8), to: &sink)
            for (index, tensor) in tensors.enumerated() {
                precondition(
                    tensor.bytes.count == tensor.shape.count * tensor.type.byteCount,
                    "tensor '\(tensor.name)' has a wrong number of bytes")
                try zip.add("archive/data/\(index)", tensor.bytes, to: &sink)
            }
            try zip.add("archive/version", Array("3\n".utf8), to: &sink)
            try zip.finish(to: &sink)
        }
    }

    /// The pickle, protocol 2: `OrderedDict({name: _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())})`.
    private static func pickle(_ tensors: [SafetensorsWriter.Tensor]) -> [UInt8] {
        var pickle = PickleText()
        pickle.global("collections", "OrderedDict")
        pickle.put([.emptyTuple, .reduce, .mark])
        for (index, tensor) in tensors.enumerated() {
            pickle.text(tensor.name)
            pickle.global("torch._utils", "_rebuild_tensor_v2")
            pickle.put([.mark, .mark])
            pickle.text("storage")
            pickle.global("torch", storageName(tensor.type))
            pickle.text(String(index))
            pickle.text("cpu")
            pickle.integer(tensor.shape.count)
            pickle.put([.tuple, .binPersID])
            pickle.integer(0)
            pickle.tuple(tensor.shape.extents)
            pickle.tuple(StoredTensor.rowMajorStrides(tensor.shape))
            pickle.put([.newFalse])
            pickle.global("collections", "OrderedDict")
            pickle.put([.emptyTuple, .reduce, .tuple, .reduce])
        }
        pickle.put([.setItems, .stop])
        return pickle.bytes
    }

    private static func storageName(_ type: ElementType) -> String {
        (PickleGlobal.storageNames.first { $0.value == type }?.key ?? "") + "Storage"
    }
}

/// Builds a pickle from its operations.
private struct PickleText {
    private(set) var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 2]

    mutating func put(_ opcodes: [PickleOpcode]) { bytes += opcodes.map(\.rawValue) }

    mutating func global(_ module: String, _ name: String) {
        put([.global])
        bytes += "\(module)\n\(name)\n".utf8
    }

    mutating func text(_ text: String) {
        put([.binUnicode])
        withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { bytes += $0 }
        bytes += text.utf8
    }

    mutating func integer(_ number: Int) {
        if let byte = UInt8(exactly: number) {
            put([.binInt1])
            bytes.append(byte)
        } else if let word = Int32(exactly: number) {
            put([.binInt])
            withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
        } else {
            put([.long1])
            bytes.append(8)
            withUnsafeBytes(of: Int64(number).littleEndian) { bytes += $0 }
        }
    }

    mutating func tuple(_ numbers: [Int]) {
        put([.mark])
        for number in numbers { integer(number) }
        put([.tuple])
    }
}
