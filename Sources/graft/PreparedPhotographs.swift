// Photographs made ready for a network, on all cores.
import Foundation
import ImageData
import Synchronization
import Tensors

/// Decodes and prepares batches; keeps its buffers from one to the next.
final class PreparedPhotographs {
    /// What could be read of some photographs: `[count, crop, crop, 3]` at `images`, valid until the next batch.
    struct Batch {
        let images: UnsafeMutablePointer<Float>
        var files: [String] = []
        /// What the network sees of each; empty where pictures are not kept.
        var pictures: [PixelImage] = []
        var failures: [ImageError] = []
    }

    private let workers: [(decoder: ImageDecoder, preparer: ImagePreparer)]
    private let slot: AlignedBuffer
    private let elementCount: Int
    private let keepsPictures: Bool

    init(_ preprocessing: Preprocessing, appliesOrientation: Bool, capacity: Int, threads: Int, keepsPictures: Bool = false) {
        self.keepsPictures = keepsPictures
        workers = (0..<max(1, min(threads, capacity))).map { _ in
            (ImageDecoder(appliesOrientation: appliesOrientation), ImagePreparer(preprocessing: preprocessing))
        }
        elementCount = workers[0].preparer.elementCount
        slot = AlignedBuffer(floatCount: capacity * elementCount)
    }

    /// Prepares a batch; what could not be read is left out of it.
    func prepare(_ files: [String]) -> Batch {
        let (elementCount, keepsPictures) = (elementCount, keepsPictures)
        nonisolated(unsafe) let workers = workers
        nonisolated(unsafe) let start = slot.base.assumingMemoryBound(to: Float.self)
        // By the index of the file.
        let found = Mutex((pictures: [Int: PixelImage](), failures: [Int: ImageError]()))
        DispatchQueue.concurrentPerform(iterations: workers.count) { number in
            let (decoder, preparer) = workers[number]
            for index in stride(from: number, to: files.count, by: workers.count) {
                do throws(ImageError) {
                    let image = try decoder.decode(path: files[index])
                    preparer.prepare(image, into: start + index * elementCount)
                    guard keepsPictures else { continue }
                    let picture = preparer.rendered(image)
                    found.withLock { $0.pictures[index] = picture }
                } catch {
                    found.withLock { $0.failures[index] = error }
                }
            }
        }
        let (pictures, failures) = found.withLock { $0 }
        var batch = Batch(images: start)
        for (index, file) in files.enumerated() {
            if let failure = failures[index] {
                batch.failures.append(failure)
                continue
            }
            if batch.files.count < index {
                (start + batch.files.count * elementCount).update(from: start + index * elementCount, count: elementCount)
            }
            batch.files.append(file)
            if let picture = pictures[index] { batch.pictures.append(picture) }
        }
        return batch
    }
}
