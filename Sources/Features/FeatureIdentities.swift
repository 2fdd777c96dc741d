// What the records of the feature cache are of: by the contents of the files, so that moved, renamed and repeated images are known again.
package import Collectives
package import Files
import Foundation
internal import ImageData
internal import Tensors

package enum FeatureIdentities {
    /// The digests of files, each read by one rank at most, and by none if it is remembered. Every rank calls it.
    ///
    /// Throws `StoppedEarly` if a rank is asked to stop meanwhile.
    /// - Parameter memory: the file in which rank 0 remembers digests; its folder need not exist.
    package static func digests(
        of files: some RandomAccessCollection<FilePart>, rememberedIn memory: String, _ communicator: any Communicator,
        stop: StopFlag = StopFlag()
    ) throws -> [UInt64?] {
        var known = FileDigests()
        if let bytes = FileManager.default.contents(atPath: memory) { known.merge(String(decoding: bytes, as: UTF8.self)) }
        let before = known.text
        let part = Shard.range(of: files.count, rank: communicator.rank, ranks: communicator.size)
        let share = files.dropFirst(part.lowerBound).prefix(part.count)
        var own: [UInt8] = []
        let rounds = SharedWork(communicator, stop)
        for file in share {
            if try rounds.isStopped() { break }
            let digest = known.digest(of: file)
            withUnsafeBytes(of: (digest ?? 0).littleEndian) { own.append(contentsOf: $0) }
            own.append(digest == nil ? 0 : 1)
        }
        if try rounds.finish() { throw StoppedEarly() }
        let texts = try communicator.gather(Array(known.text(of: share.lazy.map(\.name)).utf8))
        if communicator.isRoot {
            for text in texts { known.merge(String(decoding: text, as: UTF8.self)) }
            // Only an optimisation: where it cannot be written, files are read again next time.
            if known.text != before { try? AtomicFile.write(Array(known.text.utf8), to: memory) }
        }
        return try communicator.gather(own).flatMap { bytes in
            stride(from: 0, to: bytes.count, by: 9).map { start in
                let digest = bytes.withUnsafeBytes {
                    UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: UInt64.self))
                }
                return bytes[start + 8] == 1 ? digest : nil
            }
        }
    }

    /// What each record of a store is of, view after view.
    ///
    /// - Parameter keys: what keys each sample's augmentation; nil for images as evaluation sees them, from one side or several.
    package static func ids(of digests: [UInt64?], views: Int, keys: [Int]?) -> [FeatureID?] {
        (0..<views).flatMap { view in
            digests.indices.map { sample in
                digests[sample].map { FeatureID(content: $0, view: keys.map { viewDigest(view, $0[sample]) } ?? UInt64(view)) }
            }
        }
    }

    private static func viewDigest(_ view: Int, _ key: Int) -> UInt64 {
        var checksum = Checksum()
        checksum.update(view)
        checksum.update(key)
        return checksum.value
    }
}
