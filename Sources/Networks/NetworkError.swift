// What a user can get wrong about networks and their weights.
import Graphs

/// A network that does not exist, or weights that do not fit one.
package enum NetworkError: Error, Equatable, CustomStringConvertible {
    case unknownNetwork(name: String, nearest: [String])
    /// Tensors that are missing, left over or of another shape; each list names every one.
    case weightsDoNotFit(
        network: String, missing: [String], unexpected: [String], misshapen: [WeightMatch.Misshapen], advice: String)

    /// A network that another library's names or settings cannot express.
    case notWritten(network: String, library: String, reason: String)

    package var description: String {
        switch self {
        case .unknownNetwork(let name, let nearest):
            let kind = ForeignNetwork.called(name)
            if let kind {
                return "there is no network '\(name)': Graft does not have \(kind) ('graft networks' lists what it has)"
            }
            guard !nearest.isEmpty else { return "there is no network '\(name)'; 'graft networks' lists all" }
            return "there is no network '\(name)'; the nearest names are \(quoted(nearest)) ('graft networks' lists all)"
        case .notWritten(let network, let library, let reason):
            return "\(network) cannot be written for \(library): \(reason); --format safetensors or onnx hold every network"
        case .weightsDoNotFit(let network, let missing, let unexpected, let misshapen, let advice):
            var parts: [String] = []
            if !missing.isEmpty { parts.append("missing: \(listed(missing))") }
            if !unexpected.isEmpty { parts.append("unexpected: \(listed(unexpected))") }
            if !misshapen.isEmpty {
                parts.append("misshapen: \(listed(misshapen.map { "\($0.name) is \($0.found), not \($0.expected)" }))")
            }
            // A few wrong names are told here. Where hundreds are, the file is for something else, and the list would bury the advice.
            let isCut = [missing.count, unexpected.count, misshapen.count].contains { $0 > Self.longestList }
            if isCut { parts.append("'graft weights inspect FILE --network \(network)' lists every name") }
            return "the weights do not fit \(network); \(parts.joined(separator: "; ")); \(advice)"
        }
    }

    /// Names of one kind that a message shows before it only counts.
    private static let longestList = 40

    private func listed(_ names: [String]) -> String {
        guard names.count > Self.longestList else { return names.joined(separator: ", ") }
        let shown = names.prefix(Self.longestList / 4)
        return shown.joined(separator: ", ") + " and \(names.count - shown.count) more"
    }

    private func quoted(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }
}
