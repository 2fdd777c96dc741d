// Batches in order and bit for bit the same, however many threads make them and whatever is wrong with the files.
import Foundation
import Tensors
import Testing

@testable import ImageData

struct BatchLoaderTests {
    private let preprocessing = Preprocessing(resize: 12, crop: 11, mean: [120, 110, 100], deviation: [60, 50, 40])

    private func options(threads: Int, capacity: Int = 4, augmentation: Augmentation = .standard) -> BatchLoader.Options {
        BatchLoader.Options(
            capacity: capacity, threads: threads, slots: 3, seed: 5, preprocessing: preprocessing, augmentation: augmentation)
    }

    /// Ten images in two classes; with `damaged`, three of them cannot be read.
    private func folder(damaged: Bool = false) throws -> (TemporaryFolder, ImageFolder) {
        let temporary = try TemporaryFolder()
        let names = ["rgb.png", "ycbcr420.jpg", "alpha.webp", "orientation6.jpg", "cmyk.jpg"]
        for index in 0..<10 {
            let name = damaged && [0, 3, 7].contains(index) ? "truncated.jpg" : names[index % 5]
            try temporary.write("\(index < 6 ? "a" : "b")/\(index)-\(name)", try Fixture.bytes("decoding/" + name))
        }
        return (temporary, try ImageFolder.scan(temporary.path))
    }

    /// Everything an epoch delivers.
    private struct Delivery: Equatable {
        var samples: [[Int]] = []
        var labels: [[Int32]] = []
        var images: [[Float]] = []
        var left: [Int] = []
        var failures: [String] = []
    }

    private func deliver(_ loader: BatchLoader, epoch: Int, _ batches: [[Int]]) -> Delivery {
        loader.begin(epoch: epoch, batches: batches)
        var orders = batches[...]
        var delivery = Delivery()
        while let batch = loader.next() {
            delivery.samples.append(Array(UnsafeBufferPointer(start: batch.samples, count: batch.count)))
            delivery.labels.append(Array(UnsafeBufferPointer(start: batch.labels, count: batch.count)))
            delivery.images.append(Array(UnsafeBufferPointer(start: batch.images, count: batch.count * 11 * 11 * 3)))
            delivery.left.append(orders.removeFirst().count - batch.count)
            delivery.failures += batch.unreadable.map(\.path)
        }
        return delivery
    }

    private let batches = [[9, 2, 5, 0], [], [1, 3, 7], [4, 6, 8], [0, 1, 2, 3], [7], []]

    @Test func theNumberOfThreadsChangesNothing() throws {
        let (temporary, folder) = try folder()
        let reference = deliver(BatchLoader(source: .folder(folder), options: options(threads: 0)), epoch: 3, batches)
        #expect(reference.samples == batches)
        #expect(reference.labels == batches.map { $0.map { $0 < 6 ? 0 : 1 } })
        for threads in [1, 2, 5] {
            let loader = BatchLoader(source: .folder(folder), options: options(threads: threads))
            #expect(deliver(loader, epoch: 3, batches) == reference)
            let other = deliver(loader, epoch: 4, batches)
            #expect(other.samples == reference.samples && other.images != reference.images)
            #expect(deliver(loader, epoch: 3, batches) == reference)
        }
        _ = temporary
    }

    @Test func imagesEqualThoseOfThePreparer() throws {
        let (temporary, folder) = try folder()
        let loader = BatchLoader(source: .folder(folder), options: options(threads: 2, augmentation: .none))
        let delivery = deliver(loader, epoch: 0, [[3, 4]])
        let preparer = ImagePreparer(preprocessing: preprocessing)
        for (position, sample) in [3, 4].enumerated() {
            let image = try ImageDecoder().decode(path: folder.path(of: folder.samples[sample]))
            var expected = [Float](repeating: 0, count: 363)
            expected.withUnsafeMutableBufferPointer { preparer.prepare(image, into: $0.baseAddress!) }
            #expect(Array(delivery.images[0][position * 363..<(position + 1) * 363]) == expected)
        }
        _ = temporary
    }

    /// A JPEG that lacks two thirds of its data and has an end mark is grey below: it is named, and used or left out.
    @Test(arguments: [false, true]) func damagedImagesAreNamedOnce(skips: Bool) throws {
        let (temporary, folder) = try folder()
        let whole = try Fixture.bytes("decoding/ycbcr420.jpg")
        try temporary.write(folder.samples[1].path, Array(whole.prefix(900)) + [0xFF, 0xD9])
        var options = options(threads: 2, augmentation: .none)
        options.skipsDamaged = skips
        let loader = BatchLoader(source: .folder(folder), options: options)
        let delivery = deliver(loader, epoch: 0, [[0, 1, 2], [1]])
        #expect(delivery.samples == (skips ? [[0, 2], []] : [[0, 1, 2], [1]]))
        #expect(loader.unreadable.map(\.sample) == [1] && loader.unreadable[0].isUsed == !skips)
        #expect(loader.unreadable[0].reason.contains("premature end"), "\(loader.unreadable)")
    }

    @Test(arguments: [0, 3])
    func unreadableImagesAreLeftOutAndNamedOnce(_ threads: Int) throws {
        let (intact, whole) = try folder()
        let (temporary, folder) = try folder(damaged: true)
        let loader = BatchLoader(source: .folder(folder), options: options(threads: threads, augmentation: .none))
        let delivery = deliver(loader, epoch: 0, batches)
        #expect(delivery.samples == [[9, 2, 5], [], [1], [4, 6, 8], [1, 2], [], []])
        #expect(delivery.left == [1, 0, 2, 0, 2, 1, 0])
        #expect(delivery.failures == [0, 3, 7].map { folder.samples[$0].path })
        #expect(loader.unreadable.map(\.sample) == [0, 3, 7])
        #expect(loader.unreadable[0].description == "a/0-truncated.jpg: is truncated: the file ends before the image does")
        let good = deliver(
            BatchLoader(source: .folder(whole), options: options(threads: 0, augmentation: .none)), epoch: 0, delivery.samples)
        #expect(good.images == delivery.images && good.labels == delivery.labels)
        try FileManager.default.removeItem(atPath: folder.path(of: folder.samples[9]))
        let later = deliver(loader, epoch: 1, [[9, 2, 0]])
        #expect(later.samples == [[2]] && later.left == [2])
        #expect(later.failures == [folder.samples[9].path])
        _ = (temporary, intact)
    }

    @Test func anEpochCanBeLeftInTheMiddle() throws {
        let loader = BatchLoader(source: .synthetic(count: 50, classes: 3), options: options(threads: 3))
        let order = stride(from: 0, to: 50, by: 4).map { Array($0..<min($0 + 4, 50)) }
        let reference = deliver(loader, epoch: 0, order)
        #expect(reference.labels.flatMap { $0 } == (0..<50).map { Int32($0 % 3) })
        for stop in 0..<5 {
            loader.begin(epoch: 0, batches: order)
            for _ in 0..<stop { _ = loader.next() }
        }
        #expect(deliver(loader, epoch: 0, order) == reference)
        loader.begin(epoch: 1, batches: order)
        loader.stop()
        loader.stop()
        while loader.next() != nil {}  // what was finished, then nothing
    }

    @Test func loadersEndTheirThreadsWhenTheyGo() {
        for _ in 0..<20 {
            let loader = BatchLoader(source: .synthetic(count: 9, classes: 2), options: options(threads: 2))
            loader.begin(epoch: 0, batches: [[0, 1], [2, 3], [4, 5], [6, 7]])
            _ = loader.next()
        }
    }
}
