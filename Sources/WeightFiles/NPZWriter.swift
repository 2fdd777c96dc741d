// NumPy's `.npz`: a zip of arrays, each with a header in text.
package import Files

/// Writes arrays that `numpy.load` reads.
package enum NPZWriter {
    /// One array; the bytes are row-major and little-endian.
    package typealias Array = (name: String, type: String, extents: [Int], bytes: UnsafeRawBufferPointer)

    /// NumPy's words for types.
    package static let (float32, uint8) = ("<f4", "|u1")

    /// Writes `arrays` to `path`, whole or not at all. Throws `FileError` when the disk is full or fails.
    package static func write(_ arrays: [Array], to path: String) throws(FileError) {
        try AtomicFile.write(to: path) { (sink: inout AtomicFile.Sink) throws(FileError) in
            var zip = ZipWriter()
            for array in arrays { try zip.add("\(array.name).npy", header(array) + [UInt8](array.bytes), to: &sink) }
            try zip.finish(to: &sink)
        }
    }

    /// Version 1 of the format: the data begin at a multiple of 64 bytes.
    private static func header(_ array: Array) -> [UInt8] {
        let extents = array.extents.map { "\($0), " }.joined()
        let text = "{'descr': '\(array.type)', 'fortran_order': False, 'shape': (\(extents)), }"
        let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
        let line = [UInt8](text.utf8) + [UInt8](repeating: 0x20, count: padding) + [0x0A]
        return [0x93] + [UInt8]("NUMPY".utf8) + [1, 0, UInt8(line.count % 256), UInt8(line.count / 256)] + line
    }
}
