// Weights and inputs that Python and Swift compute alike, bit for bit, so that no weights are committed.
// The Python side is Tests/GoldenTests/Fixtures/recipe.py; change both or neither.

/// Deterministic values for every parameter and running statistic of a network: a pure function of name, shape and index.
package struct WeightRecipe: Sendable {
    private let names: Set<String>

    /// - Parameter names: all tensor names of the network, since a norm's scale is smaller at the end of a residual branch.
    package init(names: some Sequence<String>) {
        self.names = Set(names)
    }

    /// The values of one tensor, row-major in the shape of the published weights (`[out, in / groups, height, width]`, `[out, in]`).
    package func values(name: String, shape: [Int]) -> [Float] {
        var values = [Float](repeating: 0, count: shape.reduce(1, *))
        values.withUnsafeMutableBufferPointer { fill($0, name: name, shape: shape) }
        return values
    }

    /// Writes the values of one tensor into `destination`, which has as many elements as `shape`.
    package func fill(_ destination: UnsafeMutableBufferPointer<Float>, name: String, shape: [Int]) {
        precondition(destination.count == shape.reduce(1, *), "\(name) has not the room that its shape asks for")
        let (lower, upper) = bounds(name: name, shape: shape)
        Self.fillUniform(destination, name: name, lower: lower, upper: upper)
    }

    /// A synthetic, already normalised input in [-2, 2), in the order N, C, H, W of `shape`.
    package static func input(shape: [Int]) -> [Float] {
        var values = [Float](repeating: 0, count: shape.reduce(1, *))
        values.withUnsafeMutableBufferPointer { fillUniform($0, name: "input", lower: -2, upper: 2) }
        return values
    }

    /// The numbers in [0, 1) of the stream `name`, as projections of weights use them.
    package static func uniform(name: String, count: Int) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        values.withUnsafeMutableBufferPointer { fillUniform($0, name: name, lower: 0, upper: 1) }
        return values
    }

    private static func fillUniform(_ destination: UnsafeMutableBufferPointer<Float>, name: String, lower: Float, upper: Float) {
        let width = upper - lower
        var counter = mix(fnv(name.utf8))
        for index in destination.indices {
            counter &+= 0x9E37_79B9_7F4A_7C15
            destination[index] = lower + width * (Float(mix(counter) >> 40) * 0x1p-24)
        }
    }

    private func bounds(name: String, shape: [Int]) -> (Float, Float) {
        if name.hasSuffix("running_mean") { return (-0.3, 0.3) }
        if name.hasSuffix("running_var") { return (0.5, 1.5) }
        if name.hasSuffix(".layer_scale") { return (0.0625, 0.1875) }
        if shape.count >= 2 {
            // Variance 2 / fan-in, half of which is lost at the next ReLU; small logits, so that training from them is stable.
            let isHead = name == "fc.weight" || name == "_fc.weight"
            let bound = Float(((isHead ? 1.5 : 6) / Double(shape.dropFirst().reduce(1, *))).squareRoot())
            return (-bound, bound)
        }
        // MobileNets: some end a residual branch, some stand alone.
        if name.wholeMatch(of: /features\.\d+\.(conv\.\d+|block\.\d+\.1)\.weight/) != nil { return (0.4, 1) }
        if name.hasSuffix(".weight") { return endsResidualBranch(name) ? (0.0625, 0.1875) : (0.5, 1.5) }
        // A squeeze-excitation's gate is mostly open.
        return name.hasSuffix(".fc2.bias") ? (0.5, 1.5) : (-0.3, 0.3)
    }

    /// Whether `name` is the scale of the last norm before a residual sum: kept small there, so that deep networks stay bounded.
    private func endsResidualBranch(_ name: String) -> Bool {
        let layer = String(name.dropLast(".weight".count))
        if layer.wholeMatch(of: /layer\d+\.\d+\.bn3/) != nil { return true }
        if layer.wholeMatch(of: /layer\d+\.\d+\.bn2/) != nil { return !names.contains(layer.dropLast() + "3.weight") }
        // RegNet, MNASNet.
        if layer.wholeMatch(of: /trunk_output\..*\.f\.c\.1|layers\.\d+\.[1-9]\d*\.layers\.7/) != nil { return true }
        // The first block of an EfficientNet's stage has no sum.
        guard let match = layer.wholeMatch(of: /(features\.\d+\.[1-9]\d*\.block\.)(\d+)\.1/), let position = Int(match.2) else {
            return false
        }
        let following = "\(match.1)\(position + 1)"
        return !names.contains(following + ".0.weight") && !names.contains(following + ".fc1.weight")
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var word = value
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    /// FNV-1a (64 bit), as the fixtures' scripts compute it over names and bytes.
    package static func fnv(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
