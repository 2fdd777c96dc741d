// Writing a file of the feature cache: under a temporary name until it is whole and on the disk.
internal import Foundation
internal import Tensors

/// Writes one shard, record by record.
package final class FeatureShardWriter {
    private let path: String
    private let temporary: String
    private let key: UInt64
    private let layout: FeatureLayout
    private let descriptor: Int32
    private let record: AlignedBuffer
    private var table: [UInt8] = []
    private var count = 0
    private var isFinished = false

    /// Creates the file and reserves room for `recordCount` records, so that a disk that is too full is known before the work.
    ///
    /// Throws `ImageError` with the system's words.
    package init(path: String, key: UInt64, layout: FeatureLayout, recordCount: Int) throws(ImageError) {
        self.path = path
        self.key = key
        self.layout = layout
        temporary = "\(path).partial"
        record = AlignedBuffer(byteCount: layout.recordBytes)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw ImageError(path: temporary, reason: .cannotWrite(String(cString: strerror(errno)))) }
        let bytes = FeatureShardHeader(key: key, layout: layout, recordCount: recordCount, tableChecksum: 0).fileBytes
        let code = posix_fallocate(descriptor, 0, off_t(bytes))
        // File systems that cannot reserve say so later, when they are full.
        guard code == 0 || code == EOPNOTSUPP || code == EINVAL else {
            throw ImageError(path: path, reason: .cannotWrite("\(String(cString: strerror(code))) (\(bytes) bytes wanted)"))
        }
    }

    /// A writer that did not finish leaves nothing behind.
    deinit {
        close(descriptor)
        if !isFinished { unlink(temporary) }
    }

    /// Appends an image's values, each float32 and contiguous. Throws `ImageError`.
    package func append(_ values: [UnsafePointer<Float>], as id: FeatureID) throws(ImageError) {
        layout.encode(values, into: record.base)
        var checksum = Checksum()
        checksum.update(UnsafeRawBufferPointer(record.bytes))
        try write(UnsafeRawBufferPointer(record.bytes), at: FeatureShardHeader.byteCount + count * layout.recordBytes)
        for word in [id.content, id.view, checksum.value] {
            withUnsafeBytes(of: word.littleEndian) { table.append(contentsOf: $0) }
        }
        count += 1
    }

    /// Brings the file to the disk and gives it its name; without records it vanishes instead. Throws `ImageError`.
    package func finish() throws(ImageError) {
        guard count > 0 else { return }
        var checksum = Checksum()
        table.withUnsafeBytes { checksum.update($0) }
        let header = FeatureShardHeader(key: key, layout: layout, recordCount: count, tableChecksum: checksum.value)
        try write(table, at: header.tableOffset)
        try write(header.bytes(), at: 0)
        guard ftruncate(descriptor, off_t(header.fileBytes)) == 0, fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw ImageError(path: path, reason: .cannotWrite(String(cString: strerror(errno))))
        }
        isFinished = true
        Self.sync(folderOf: path)
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws(ImageError) {
        let failure = bytes.withUnsafeBytes { buffer in
            do throws(ImageError) { try write(buffer, at: offset) } catch { return ImageError?.some(error) }
            return nil
        }
        if let failure { throw failure }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(ImageError) {
        var done = 0
        while done < bytes.count {
            let written = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                let reason = String(cString: strerror(written < 0 ? errno : ENOSPC))
                throw ImageError(path: path, reason: .cannotWrite(reason))
            }
            done += written
        }
    }

    /// The name of a new file survives a power cut only once its folder is on the disk.
    private static func sync(folderOf path: String) {
        let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }
}
