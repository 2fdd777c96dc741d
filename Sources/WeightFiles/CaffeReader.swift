// Caffe's `.caffemodel`: a NetParameter message, of which only the layers' names and blobs are read (field numbers from caffe.proto).
import Files
import Tensors

/// Reads the blobs of every layer, named `LAYER.blobs.NUMBER` (0 is the weight, 1 the bias), in Caffe's own layouts.
enum CaffeReader {
    /// More than any network has: a blob takes two bytes of a file and some hundred of memory.
    private static let maximumBlobs = 65_536
    private static let maximumName = 1024

    /// Numbers of a blob, wherever they lie.
    private struct Blob {
        var shape: [Int]?
        /// num, channels, height, width of old files.
        var oldShape: [Int: Int] = [:]
        var floats: [Range<Int>] = []
        var doubles: [Range<Int>] = []
    }

    /// Whether the file begins with the name of a network, then one of its parts, or with a layer.
    static func recognizes(_ file: MappedFile) -> Bool {
        var cursor = ProtobufCursor(file, in: 0..<file.count)
        do throws(WeightFileError) {
            guard let first = try cursor.next(), case .bytes(let range) = first.value else { return false }
            if first.number == 2 || first.number == 100 { return layerName(file, range) != nil }
            guard first.number == 1, range.count <= 256, let name = String(validating: file.bytes(in: range), as: UTF8.self),
                !name.isEmpty, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 })
            else { return false }
            // What follows may be cut off: only its tag counts.
            let tag = try cursor.varint()
            return [2, 3, 8, 100].contains(tag >> 3) && tag & 7 == 2
        } catch {
            return false
        }
    }

    static func read(_ file: MappedFile) throws(WeightFileError) -> WeightFileContents {
        var contents = WeightFileContents(format: .caffe, tensors: [])
        var network = ProtobufCursor(file, in: 0..<file.count)
        while let field = try network.next() {
            guard case .bytes(let range) = field.value else { continue }
            switch field.number {
            case 1: contents.metadata["name"] = String(validating: file.bytes(in: range), as: UTF8.self)
            // V1LayerParameter: name 4, blobs 6; the layers of 2013 (V0) lie in its field 1. LayerParameter: name 1, blobs 7.
            case 2: try readLayer(file, try oldestLayer(file, range) ?? (range, 4, 6), &contents)
            case 100: try readLayer(file, (range, 1, 7), &contents)
            default: continue
            }
        }
        guard !contents.tensors.isEmpty else {
            throw .unsupported(file.path, "is a Caffe network without weights", "name the .caffemodel, not the .prototxt")
        }
        return contents
    }

    /// A layer's message, and the numbers of its fields.
    private typealias Layer = (range: Range<Int>, nameField: Int, blobField: Int)

    /// The V0LayerParameter (name 1, blobs 50) within a V1LayerParameter, if there is one.
    private static func oldestLayer(_ file: MappedFile, _ range: Range<Int>) throws(WeightFileError) -> Layer? {
        var outer = ProtobufCursor(file, in: range)
        while let field = try outer.next() {
            if field.number == 1, case .bytes(let inner) = field.value { return (inner, 1, 50) }
        }
        return nil
    }

    private static func readLayer(
        _ file: MappedFile, _ place: Layer, _ contents: inout WeightFileContents
    ) throws(WeightFileError) {
        let (range, nameField, blobField) = place
        var name = ""
        var blobs: [Range<Int>] = []
        var layer = ProtobufCursor(file, in: range)
        while let field = try layer.next() {
            guard case .bytes(let bytes) = field.value else { continue }
            if field.number == nameField {
                guard bytes.count <= maximumName, let text = String(validating: file.bytes(in: bytes), as: UTF8.self) else {
                    throw .damaged(file.path, at: bytes.lowerBound, "has a layer's name that is too long or not UTF-8 text")
                }
                name = text
            } else if field.number == blobField {
                blobs.append(bytes)
            }
        }
        guard contents.tensors.count + blobs.count <= maximumBlobs else {
            throw .damaged(file.path, at: range.lowerBound, "has more than \(maximumBlobs) blobs")
        }
        for (number, blob) in blobs.enumerated() {
            try store(try readBlob(file, blob), file, "\(name).blobs.\(number)", at: blob.lowerBound, &contents)
        }
    }

    private static func readBlob(_ file: MappedFile, _ range: Range<Int>) throws(WeightFileError) -> Blob {
        var blob = Blob()
        var message = ProtobufCursor(file, in: range)
        while let field = try message.next() {
            switch (field.number, field.value) {
            case (1...4, .varint(let extent)): blob.oldShape[field.number] = Int(exactly: extent) ?? -1
            case (5, .bytes(let floats)), (5, .fixed32(let floats)): blob.floats.append(floats)
            case (8, .bytes(let doubles)), (8, .fixed64(let doubles)): blob.doubles.append(doubles)
            case (7, .bytes(let shape)): blob.shape = try readShape(file, shape)
            default: continue
            }
        }
        return blob
    }

    /// BlobShape: `repeated int64 dim = 1`, packed or not.
    private static func readShape(_ file: MappedFile, _ range: Range<Int>) throws(WeightFileError) -> [Int] {
        var extents: [Int] = []
        var message = ProtobufCursor(file, in: range)
        while let field = try message.next() {
            switch (field.number, field.value) {
            case (1, .varint(let extent)): extents.append(Int(exactly: extent) ?? -1)
            case (1, .bytes(let packed)):
                var numbers = ProtobufCursor(file, in: packed)
                while numbers.cursor.remaining > 0 { extents.append(Int(exactly: try numbers.varint()) ?? -1) }
            default: continue
            }
        }
        return extents
    }

    /// Adds a blob as a tensor: on the file where its numbers lie in one piece, else copied together.
    private static func store(
        _ blob: Blob, _ file: MappedFile, _ name: String, at place: Int, _ contents: inout WeightFileContents
    ) throws(WeightFileError) {
        let type: ElementType = blob.doubles.isEmpty ? .float32 : .float64
        let pieces = blob.doubles.isEmpty ? blob.floats : blob.doubles
        let bytes = pieces.reduce(0) { $0 + $1.count }
        let old = blob.oldShape.isEmpty ? [bytes / type.byteCount] : (1...4).map { blob.oldShape[$0] ?? 1 }
        let extents = blob.shape ?? old
        guard extents.count <= StoredTensor.maximumRank,
            let count = StoredTensor.checkedCount(extents, elementBytes: type.byteCount)
        else { throw .damaged(file.path, at: place, "gives the blob '\(name)' an impossible shape") }
        guard count * type.byteCount == bytes else {
            throw .damaged(
                file.path, at: place,
                "has \(bytes) bytes for the blob '\(name)' of shape \(TensorShape(extents)), where \(count * type.byteCount) are needed"
            )
        }
        var offset = pieces.first?.lowerBound ?? 0
        if pieces.count > 1 {
            contents.decoded[name] = DecodedBytes(joining: pieces.map { file.bytes(in: $0) })
            offset = 0
        }
        contents.tensors.append(StoredTensor(name: name, elementType: type, shape: TensorShape(extents), byteOffset: offset))
    }

    /// The name of a layer of either version; nil when it is none.
    private static func layerName(_ file: MappedFile, _ range: Range<Int>) -> String? {
        var layer = ProtobufCursor(file, in: range)
        while let field = try? layer.next() {
            if field.number == 1 || field.number == 4, case .bytes(let bytes) = field.value {
                return String(validating: file.bytes(in: bytes), as: UTF8.self)
            }
        }
        return nil
    }
}
