// What PyTorch says of one network: its tensors, and its logits for the recipe's weights.
package import Tensors

/// One `network-NAME.json`, written by make_network_fixtures.py.
package struct GoldenNetwork: GoldenFile {
    package static let prefix = "network"

    /// The transform that belongs to the network's weights; the crop is smaller where the network's own is large.
    package struct Transform: Decodable, Sendable {
        let resize: Int
        let crop: Int
        let interpolation: Preprocessing.Interpolation
        let mean: [Float]
        let deviation: [Float]
        let channelOrder: Preprocessing.ChannelOrder?
    }

    /// The logits of a batch, in part.
    package struct Logits: Decodable, Sendable {
        /// The input's shape, `[N, C, H, W]`.
        package let shape: [Int]
        /// The first ten of the first image, the last ten of the last image.
        package let first: [Double]
        package let last: [Double]
        /// The Euclidean norm of all logits of all images.
        package let norm: Double
        /// The class with the largest logit, of each image.
        package let best: [Int]
        /// How far PyTorch's own float32 is from these numbers, which are float64's.
        package let float32Difference: Double

        /// How far logits `[N, classes]` are from the expected ones; infinite if another class is best.
        package func difference(of logits: [Float]) -> Double {
            let classes = logits.count / shape[0]
            let others = (0..<shape[0]).map { image -> Int? in
                let scores = logits[image * classes..<(image + 1) * classes]
                return scores.indices.max { scores[$0] < scores[$1] }.map { $0 - image * classes }
            }
            guard others == best else { return .infinity }
            let length = logits.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            let shown = (logits.prefix(10) + logits.suffix(10)).map(Double.init)
            return max(relativeDifference(shown, first + last), relative(abs(length - norm), to: norm))
        }
    }

    /// A photograph beside the fixture, and what becomes of it.
    package struct Image: Decodable, Sendable {
        package let file: String
        /// FNV-1a (64 bit) of the cropped pixels, `[H, W, 3]` bytes, in hexadecimal.
        package let pixelsChecksum: String
        /// The mean of each channel, on 0…255.
        package let pixelMean: [Double]
        /// The mean of each channel after normalisation.
        package let inputMean: [Double]
        /// The Euclidean norm of the whole normalised input.
        package let inputNorm: Double
        package let logits: Logits
    }

    package let network: String
    let preprocessing: Transform
    /// Trainable numbers, and tensors with and without the running statistics.
    package let parameterCount: Int
    package let parameterTensors: Int
    package let tensors: Int
    /// `Self.checksum` of the state dict, `num_batches_tracked` left out.
    package let namesAndShapesChecksum: String
    /// Names and shapes, where they are not torchvision's.
    package let stored: [String: [Int]]?
    package let image: Image
    /// The logits of `WeightRecipe.input` of that shape.
    package let synthetic: Logits

    /// What to do with `image.file` before the network sees it.
    package var transform: Preprocessing {
        Preprocessing(
            resize: preprocessing.resize, crop: preprocessing.crop, interpolation: preprocessing.interpolation,
            channelOrder: preprocessing.channelOrder ?? .rgb, mean: preprocessing.mean, deviation: preprocessing.deviation)
    }

    /// FNV-1a (64 bit) over the sorted lines `NAME AxBxC`, in hexadecimal.
    package static func checksum(_ shapes: [String: [Int]]) -> String {
        let sorted = shapes.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let lines = sorted.map { name, shape in "\(name) \(shape.map(String.init).joined(separator: "x"))\n" }
        return hexadecimal(WeightRecipe.fnv(lines.joined().utf8))
    }
}

/// A checksum as the scripts write it: 16 hexadecimal digits.
package func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
