// safetensors in: u64 header length, JSON header, data. Rules and limits as in https://github.com/huggingface/safetensors.
import Files
import Tensors

/// Reads the header of a safetensors file, as strictly as the safetensors library and more: duplicate names are refused, too.
enum SafetensorsReader {
    /// The longest header that the format allows, in bytes.
    static let maximumHeaderBytes = 100_000_000

    /// The format's names of the element types that Graft reads and writes.
    static let typeNames: [ElementType: String] = [
        .float32: "F32", .float16: "F16", .bfloat16: "BF16", .float64: "F64", .int64: "I64", .int32: "I32", .int16: "I16",
        .int8: "I8", .uint8: "U8", .bool: "BOOL",
    ]
    private static let types = Dictionary(uniqueKeysWithValues: typeNames.map { ($1, $0) })

    private struct Entry {
        var name: String
        var type: ElementType
        var extents: [Int]
        var span: Range<Int>
        /// Where the header speaks of it, for messages.
        var place: Int
    }

    /// Whether the file begins like a safetensors file: a length, then an opening brace.
    static func recognizes(_ file: MappedFile) -> Bool { file.holds([UInt8(ascii: "{")], at: 8) }

    static func read(_ file: MappedFile) throws(WeightFileError) -> WeightFileContents {
        var cursor = ByteCursor(file)
        let length = try cursor.length("the length of its header")
        guard length <= maximumHeaderBytes else {
            throw .damaged(
                file.path, at: 0, "states a header of \(length) bytes, where at most \(maximumHeaderBytes) are allowed")
        }
        guard length <= cursor.remaining else {
            throw .damaged(
                file.path, at: 8, "is cut short: its header takes \(length) bytes, but only \(cursor.remaining) follow its length"
            )
        }
        var metadata: [String: String] = [:]
        var entries: [Entry] = []
        var json = HeaderJSON(file, in: try cursor.skip(length, "its header"))
        try json.object { (json: inout HeaderJSON, key, place) throws(WeightFileError) in
            if key == "__metadata__" {
                metadata = try readMetadata(&json)
            } else {
                entries.append(try readEntry(&json, name: key, place: place, path: file.path))
            }
        }
        try json.finish()
        entries.sort { ($0.span.lowerBound, $0.span.upperBound, $0.place) < ($1.span.lowerBound, $1.span.upperBound, $1.place) }
        try checkCoverage(entries, of: cursor)
        let start = cursor.offset
        return WeightFileContents(
            format: .safetensors,
            tensors: entries.map { entry in
                StoredTensor(
                    name: entry.name, elementType: entry.type, shape: TensorShape(entry.extents),
                    byteOffset: start + entry.span.lowerBound)
            }, metadata: metadata)
    }

    private static func readMetadata(_ json: inout HeaderJSON) throws(WeightFileError) -> [String: String] {
        var metadata: [String: String] = [:]
        if json.skipNull() { return metadata }
        try json.object { (json: inout HeaderJSON, key, _) throws(WeightFileError) in metadata[key] = try json.string() }
        return metadata
    }

    private static func readEntry(
        _ json: inout HeaderJSON, name: String, place: Int, path: String
    ) throws(WeightFileError) -> Entry {
        var typeName: String?
        var shape: [Int]?
        var offsets: [Int]?
        try json.object { (json: inout HeaderJSON, key, _) throws(WeightFileError) in
            switch key {
            case "dtype": typeName = try json.string()
            case "shape": shape = try json.integers(limit: StoredTensor.maximumRank)
            case "data_offsets": offsets = try json.integers(limit: 2)
            default: try json.skipValue()
            }
        }
        guard let typeName, let shape, let offsets, offsets.count == 2 else {
            throw json.fault("declares tensor '\(name)' without dtype, shape and both data_offsets", at: place)
        }
        guard let type = types[typeName] else {
            throw .unsupported(
                path, at: place, "has tensor '\(name)' of type \(typeName), which Graft does not read",
                "save it as one of \(types.keys.sorted().joined(separator: ", "))")
        }
        guard offsets[0] <= offsets[1] else {
            throw json.fault("gives tensor '\(name)' data_offsets that run backwards (\(offsets[0]) to \(offsets[1]))", at: place)
        }
        let span = offsets[0]..<offsets[1]
        guard let count = StoredTensor.checkedCount(shape, elementBytes: type.byteCount) else {
            throw json.fault("gives tensor '\(name)' an impossible shape", at: place)
        }
        guard count * type.byteCount == span.count else {
            throw json.fault(
                "gives tensor '\(name)' of shape \(TensorShape(shape)) and type \(typeName) \(span.count) bytes where "
                    + "\(count * type.byteCount) are needed", at: place)
        }
        return Entry(name: name, type: type, extents: shape, span: span, place: place)
    }

    /// Checks that the tensors lie end to end, without hole or overlap, and end where the file ends.
    private static func checkCoverage(_ entries: [Entry], of data: ByteCursor) throws(WeightFileError) {
        var covered = 0
        for entry in entries {
            guard entry.span.lowerBound == covered else {
                throw .damaged(
                    data.file.path, at: entry.place,
                    "places tensor '\(entry.name)' at data byte \(entry.span.lowerBound), where \(covered) continues the one before"
                )
            }
            covered = entry.span.upperBound
        }
        guard covered <= data.remaining else {
            throw .damaged(
                data.file.path, at: data.file.count,
                "is cut short: it should have \(data.offset) + \(covered) bytes and has \(data.file.count)")
        }
        guard covered == data.remaining else {
            throw .damaged(
                data.file.path, at: data.offset + covered,
                "has \(data.remaining - covered) bytes after the last tensor, which belong to nothing")
        }
    }
}
