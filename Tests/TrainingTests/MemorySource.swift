// Batches of made-up features from memory.
import ImageData
import Tensors
import Training

/// Samples whose features depend on their index only; some of them may be unreadable.
final class MemorySource: BatchSource {
    static func label(of sample: Int) -> Int { (sample * 7 + sample / 5) % 3 }

    static func samples(_ count: Int, split: String = "train") -> SampleList {
        SampleList(
            split: split, classes: ["ant", "bee", "cat"], paths: (0..<count).map { "\($0).jpg" },
            labels: (0..<count).map(label))
    }

    private let broken: Set<Int>
    private let poisoned: Bool
    private var named: Set<Int> = []
    private var ordered: ArraySlice<[Int]> = []
    private let images = AlignedBuffer(floatCount: 64 * 5)
    private let labels = UnsafeMutablePointer<Int32>.allocate(capacity: 64)
    private let indices = UnsafeMutablePointer<Int>.allocate(capacity: 64)
    private(set) var delivered: [Int] = []

    init(broken: Set<Int> = [], poisoned: Bool = false) {
        self.broken = broken
        self.poisoned = poisoned
    }

    deinit {
        labels.deallocate()
        indices.deallocate()
    }

    func order(_ batches: [[Int]], epoch: Int) { ordered = batches[...] }

    func next() -> Batch {
        let asked = ordered.removeFirst()
        let present = asked.filter { !broken.contains($0) }
        for (position, sample) in present.enumerated() {
            var random = CounterRandom(seed: 99, index: sample, purpose: .synthetic)
            for feature in 0..<5 {
                let tint: Float = feature == Self.label(of: sample) ? 1 : 0
                images.floats[position * 5 + feature] = poisoned ? .nan : random.uniform(-1, 1) + tint
            }
            labels[position] = Int32(Self.label(of: sample))
            indices[position] = sample
        }
        delivered += present
        return Batch(
            images: UnsafePointer(images.base.assumingMemoryBound(to: Float.self)), labels: labels, samples: indices,
            count: present.count,
            unreadable: asked.filter { broken.contains($0) && named.insert($0).inserted }.map {
                UnreadableSample(sample: $0, path: "\($0).jpg", reason: "is cut short")
            })
    }
}
