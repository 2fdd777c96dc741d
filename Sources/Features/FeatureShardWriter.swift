// Writing a file of the feature cache: under a temporary name until it is whole and on the disk.
package import Files
internal import Tensors

/// Writes one shard, record by record.
package final class FeatureShardWriter {
    private let file: PendingFile
    private let key: UInt64
    private let layout: FeatureLayout
    private let record: AlignedBuffer
    private var table: [UInt8] = []
    private var count = 0

    /// Creates the file and reserves room for `recordCount` records, so that a disk that is too full is known before the work.
    ///
    /// Throws `FileError` with the system's words.
    package init(path: String, key: UInt64, layout: FeatureLayout, recordCount: Int) throws(FileError) {
        self.key = key
        self.layout = layout
        record = AlignedBuffer(byteCount: layout.recordBytes)
        file = try PendingFile(path)
        let header = FeatureShardHeader(key: key, layout: layout, recordCount: recordCount, tableChecksum: 0)
        try file.reserve(byteCount: header.fileBytes)
    }

    /// Appends an image's values, each float32 and contiguous. Throws `FileError`.
    package func append(_ values: [UnsafePointer<Float>], as id: FeatureID) throws(FileError) {
        layout.encode(values, into: record.base)
        var checksum = Checksum()
        checksum.update(UnsafeRawBufferPointer(record.bytes))
        try file.write(UnsafeRawBufferPointer(record.bytes), at: FeatureShardHeader.byteCount + count * layout.recordBytes)
        for word in [id.content, id.view, checksum.value] {
            withUnsafeBytes(of: word.littleEndian) { table.append(contentsOf: $0) }
        }
        count += 1
    }

    /// Brings the file to the disk and gives it its name; without records it vanishes instead. Throws `FileError`.
    package func finish() throws(FileError) {
        guard count > 0 else { return }
        var checksum = Checksum()
        table.withUnsafeBytes { checksum.update($0) }
        let header = FeatureShardHeader(key: key, layout: layout, recordCount: count, tableChecksum: checksum.value)
        try table.withBytes { (bytes) throws(FileError) in try file.write(bytes, at: header.tableOffset) }
        try header.bytes().withBytes { (bytes) throws(FileError) in try file.write(bytes, at: 0) }
        try file.putInPlace(byteCount: header.fileBytes)
    }
}
