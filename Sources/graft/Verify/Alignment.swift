// Laying thumbnails over parts of another one.
import Tensors

/// What the parts of one image look like, mirrored or not, over a coarse grid: other images are laid over it from there.
struct Alignment {
    private static let cells = 16
    private static let length = 3 * cells * cells
    private static let shares = [0.96, 0.92, 0.88, 0.84, 0.8]
    private static let places = 4
    /// What correlates less on the grid is not looked at in smaller steps.
    private static let coarse: Float = 0.6

    /// Those that are not mirrored, then as many that are.
    private static let windows = [false, true].flatMap { isMirrored in
        [Window(isMirrored: isMirrored)]
            + shares.flatMap { share in
                (0..<places * places).map { place in
                    let step = (1 - share) / Double(places - 1)
                    return Window(
                        share: share, left: Double(place / places) * step, top: Double(place % places) * step,
                        isMirrored: isMirrored)
                }
            }
    }

    private let whole: WindowSampler
    /// `[windows, length]`.
    private let samples: [Float]

    init(_ whole: Thumbnail) {
        let sampler = WindowSampler(whole, cells: Self.cells)
        self.whole = sampler
        samples = Self.windows.flatMap { sampler.sample($0) }
    }

    /// The best correlation of an image with any part of this one.
    func best(_ part: Thumbnail) -> Double {
        let pattern = WindowSampler(part, cells: Self.cells).sample(.whole)
        let scores = samples.withUnsafeBufferPointer { samples in
            pattern.withUnsafeBufferPointer { pattern in
                Self.windows.indices.map { index in
                    UnitVectors.dot(
                        pattern, UnsafeBufferPointer(rebasing: samples[index * Self.length..<(index + 1) * Self.length]))
                }
            }
        }
        let half = scores.count / 2
        return [0..<half, half..<scores.count].reduce(0) { best, range in
            guard let top = range.max(by: { scores[$0] < scores[$1] }) else { return best }
            let score = scores[top] < Self.coarse ? Double(scores[top]) : refined(pattern, Self.windows[top], scores[top])
            return max(best, score)
        }
    }

    /// From the best place of the grid on in ever smaller steps.
    private func refined(_ pattern: [Float], _ start: Window, _ score: Float) -> Double {
        var (window, score, step) = (start, score, 0.02)
        while step > 0.004 {
            var isBetter = false
            for (share, left, top) in [(step, 0, 0), (-step, 0, 0), (0, step, 0), (0, -step, 0), (0, 0, step), (0, 0, -step)] {
                var other = window
                other.share = min(1, max(0.7, window.share + share))
                other.left = min(max(0, window.left + left), 1 - other.share)
                other.top = min(max(0, window.top + top), 1 - other.share)
                let found = correlation(pattern, other)
                if found > score { (window, score, isBetter) = (other, found, true) }
            }
            if !isBetter { step /= 2 }
        }
        return Double(score)
    }

    private func correlation(_ pattern: [Float], _ window: Window) -> Float {
        let part = whole.sample(window)
        return pattern.withUnsafeBufferPointer { pattern in part.withUnsafeBufferPointer { UnitVectors.dot(pattern, $0) } }
    }
}
