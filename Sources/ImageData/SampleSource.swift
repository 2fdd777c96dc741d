// Where a loader's images come from, and the reader that makes one of them into network input.
internal import Tensors

/// The samples a loader draws from.
package enum SampleSource: Sendable {
    case folder(ImageFolder)
    /// Noise with a tint for each class, made from the seed: for benchmarks and tests, where no file is wanted.
    case synthetic(count: Int, classes: Int)

    package var count: Int {
        switch self {
        case .folder(let folder): folder.samples.count
        case .synthetic(let count, _): count
        }
    }

    package func label(of sample: Int) -> Int {
        switch self {
        case .folder(let folder): folder.samples.label(of: sample)
        case .synthetic(_, let classes): sample % classes
        }
    }

    /// Writes how far a sample is of each class, `[classes]`: its weight or 0.
    func writeTargets(of sample: Int, _ row: UnsafeMutablePointer<Float>, classes: Int) {
        row.update(repeating: 0, count: classes)
        guard case .folder(let folder) = self else { return row[label(of: sample)] = 1 }
        let weight = folder.samples.weight(of: sample)
        if let labels = folder.samples.labels(of: sample) {
            for label in labels { row[label] = weight }
        } else {
            row[folder.samples.label(of: sample)] = weight
        }
    }

    package var classCount: Int {
        switch self {
        case .folder(let folder): folder.classes.count
        case .synthetic(_, let classes): classes
        }
    }

    /// How messages and tables name a sample: its path relative to the folder.
    package func name(of sample: Int) -> String {
        switch self {
        case .folder(let folder): folder.samples.paths[sample]
        case .synthetic: "synthetic \(sample)"
        }
    }
}

/// What was wrong with a sample.
struct SampleFault {
    let reason: ImageError.Reason
    /// Whether what could be read of it is used.
    let isUsed: Bool
}

/// Reads samples one after the other, with buffers of its own. For one thread at a time.
final class SampleReader {
    private let source: SampleSource
    private let options: BatchLoader.Options
    private let decoder: ImageDecoder
    private let preparer: ImagePreparer

    /// Oddities in files that could be read, so far.
    var warnings: Int { decoder.warnings }

    init(source: SampleSource, options: BatchLoader.Options) {
        self.source = source
        self.options = options
        // Which images are left out must not depend on which parts of them an epoch happens to want.
        decoder = ImageDecoder(appliesOrientation: options.appliesOrientation, readsToEnd: options.skipsDamaged)
        preparer = ImagePreparer(preprocessing: options.preprocessing)
    }

    /// Writes an entry of `EpochOrder` as network input, `[crop, crop, 3]`. Returns what was wrong with it, if anything was.
    func read(_ entry: Int, epoch: Int, into target: UnsafeMutablePointer<Float>) -> SampleFault? {
        let (sample, round) = EpochOrder.parts(of: entry, count: source.count)
        // A sample that comes more than once in an epoch is seen in another way each time.
        let epoch = options.views.map { (epoch + round) % $0 } ?? epoch + round << 32
        switch source {
        case .folder(let folder):
            do {
                let image = try decoder.open(folder.part(of: folder.samples[sample]))
                let view = options.augmentation.view(
                    width: image.width, height: image.height, side: options.preprocessing.crop, seed: options.seed,
                    epoch: epoch, index: options.keys?[sample] ?? sample)
                try preparer.prepare(image, from: decoder, as: view, decoding: options.decoding, into: target)
                return decoder.damage.map { SampleFault(reason: .damaged($0), isUsed: !options.skipsDamaged) }
            } catch {
                return SampleFault(reason: error.reason, isUsed: false)
            }
        case .synthetic(_, let classes):
            synthesize(sample, label: sample % classes, into: target)
            return nil
        }
    }

    private func synthesize(_ sample: Int, label: Int, into target: UnsafeMutablePointer<Float>) {
        var tints = CounterRandom(seed: options.seed, epoch: 0, index: label, purpose: .synthetic)
        let tint = (tints.normal() / 2, tints.normal() / 2, tints.normal() / 2)
        var noise = CounterRandom(seed: options.seed, epoch: 1, index: sample, purpose: .synthetic)
        for pixel in 0..<preparer.elementCount / 3 {
            target[3 * pixel] = noise.uniform(-1.7, 1.7) + tint.0
            target[3 * pixel + 1] = noise.uniform(-1.7, 1.7) + tint.1
            target[3 * pixel + 2] = noise.uniform(-1.7, 1.7) + tint.2
        }
    }
}
