// What a weight file brings for a network: which tensor becomes which parameter, and what does not fit.
package import Tensors

/// The library whose names a weight file uses.
package enum WeightSource: String, Sendable, Hashable, CaseIterable {
    /// torchvision's state dicts; also the names that Graft itself writes.
    case torchvision
    case timm
    case efficientNetPytorch = "efficientnet-pytorch"
    /// Hugging Face's transformers.
    case transformers
    case keras
    case caffe
}

/// The outcome of laying a file's names against a network's parameters.
package struct WeightMatch: Sendable {
    /// One parameter and the tensor that fills it.
    package struct Assignment: Sendable, Hashable {
        /// Index into `Graph.parameters`.
        package let parameter: Int
        /// The tensor's name in the file, as the file spells it.
        package let tensor: String
        package let transform: WeightTransform
    }

    /// A tensor of another shape than the network needs; shapes as the file stores them.
    package struct Misshapen: Sendable, Hashable {
        package let name: String
        package let expected: TensorShape
        package let found: TensorShape
    }

    /// Whose names the file uses.
    package let source: WeightSource
    package let assignments: [Assignment]
    /// Number of classes of the head in the file; nil if the file has no head of the right width.
    package let storedClasses: Int?
    /// Parameters that start anew, as indices into `Graph.parameters`: the head of other classes, and what `network.fresh` names.
    package let fresh: [Int]
    /// Names that the network needs and the file lacks, in the file's own naming.
    package let missing: [String]
    /// Names that the file has and the network does not know.
    package let unexpected: [String]
    package let misshapen: [Misshapen]
    /// Names that are known and not needed: counters, untrained auxiliary heads, an optimizer's state.
    package let ignored: [String]
    /// Names that stand beside the network in the file (`criterion.weight`), or on top of it where the head starts anew.
    package let leftOut: [String]
    /// How pixels must be prepared for these weights, where that differs from the network's entry.
    package let preprocessing: Preprocessing?
    /// Tensors of the file that hold the input's normalisation (Keras's EfficientNets): their values decide the preprocessing.
    package let normalization: InModelNormalization?
    /// Networks that the file does fit, where it does not fit this one.
    package private(set) var suggestions: [String] = []
    /// What the file seems to be of, in words, where no network here is meant.
    package private(set) var kind: String?
    package var fits: Bool { missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty }

    func suggesting(_ networks: [String], kind: String?) -> WeightMatch {
        var copy = self
        copy.suggestions = networks
        copy.kind = kind
        return copy
    }

    /// What would help: a few wrong names may be layers of one's own; hundreds are another network's.
    private func advice(for network: String) -> String {
        if !suggestions.isEmpty { return "they fit \(suggestions.joined(separator: " and ")): choose that architecture" }
        if let kind { return "the names are those of \(kind), which Graft does not have ('graft networks' lists what it has)" }
        guard missing.count + misshapen.count <= assignments.count else {
            return "the file is for another network than \(network); 'graft weights inspect FILE' shows what it holds"
        }
        return "choose the architecture that the file was made for, or name layers that may start at random in network.fresh"
    }

    /// How many names are wrong.
    var misfitCount: Int { missing.count + unexpected.count + misshapen.count }

    /// Throws `weightsDoNotFit` with every name, unless all fits.
    package func validate(for network: String) throws(NetworkError) {
        guard fits else {
            throw .weightsDoNotFit(
                network: network, missing: missing, unexpected: unexpected, misshapen: misshapen, advice: advice(for: network))
        }
    }
}
