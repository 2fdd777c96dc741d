// A network's tensors by place and name, whether a program already runs over them or not.
package import Execution
package import Graphs

/// A trained parameter's place in the flat arrays.
package struct ParameterSlot: Sendable, Hashable {
    /// Index in the network's `parameters`.
    package let parameter: Int
    /// Its elements in the flat arrays.
    package let range: Range<Int>

    package init(parameter: Int, range: Range<Int>) {
        self.parameter = parameter
        self.range = range
    }
}

/// All tensors of a network, and which of them train.
package protocol NetworkWeights: AnyObject {
    /// All tensors of the network, by torchvision's names.
    var parameters: [ParameterSpec] { get }
    /// The trained ones, in the order in which backward finishes their gradients. Padding may stand between them; it stays 0.
    var slots: [ParameterSlot] { get }

    /// The present values of any tensor, row-major in its published shape.
    func values(of parameter: Int) -> UnsafeMutableBufferPointer<Float>

    /// Whether training changes a tensor: by gradients, or by tracking statistics.
    func changes(_ parameter: Int) -> Bool
}

extension NetworkWeights {
    /// The trained parameters' names, in the layout's order.
    package var trainedNames: [String] { slots.map { parameters[$0.parameter].name } }
}

extension ParameterStore: NetworkWeights {
    package var parameters: [ParameterSpec] { graph.parameters }
    package var slots: [ParameterSlot] { layout.slots.map { ParameterSlot(parameter: $0.parameter, range: $0.range) } }
}
