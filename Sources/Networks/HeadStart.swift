// How the layers of a new head start: near zero, or a short training does not make up for it.
package import Graphs
import Tensors

extension Graph {
    /// How a parameter starts that is new among loaded ones: those of linear layers uniform in ±1 / √inputs, weight and bias alike, as
    /// PyTorch's linear layers do, which is what replacing a head means elsewhere; nil for others, which start as the network's own.
    package func startOverPretrained(of parameter: Int) -> Initialization? {
        guard let node = nodes.first(where: { $0.parameters.contains(parameter) }), case .linear = node.operation else {
            return nil
        }
        let inputs = parameters[node.parameters.lowerBound].shape[1]
        return .uniform(bound: 1 / Float(inputs).squareRoot())
    }
}

/// The head's start in a network whose reference draws it by the number of classes.
enum HeadStart {
    /// torchvision's rule for EfficientNets, uniform in ±1 / √classes, as for ImageNet's 1,000 classes where there are fewer: the rule's own
    /// ±0.7 for two classes gives a first loss far above chance, and Lite0 on 1,200 cats and dogs was at 96.5 % after five epochs where
    /// a start near zero came to 99.5 %.
    static func byClasses(_ classes: Int) -> Initialization {
        .uniform(bound: 1 / Float(max(classes, 1000)).squareRoot())
    }
}
