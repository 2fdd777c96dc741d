// Shapes of values and parameters.

/// The extents of a tensor, outermost first: `[H, W, C]` for one image's activations, `[O, I, H, W]` for convolution weights.
package struct TensorShape: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
    package var extents: [Int]

    package init(_ extents: [Int]) { self.extents = extents }
    package init(arrayLiteral extents: Int...) { self.extents = extents }

    /// The number of elements; 1 for a scalar.
    package var count: Int { extents.reduce(1, *) }
    package var rank: Int { extents.count }
    package subscript(axis: Int) -> Int { extents[axis] }

    package var description: String { extents.isEmpty ? "scalar" : extents.map(String.init).joined(separator: "×") }
}
