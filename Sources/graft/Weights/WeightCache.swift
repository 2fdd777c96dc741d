// The folder in which published weights are kept once they are fetched.
import Collectives
import Foundation
import Networks
import RunConfiguration
import WeightFiles

/// `GRAFT_CACHE`, or `~/.cache/graft`.
struct WeightCache {
    let folder: String

    /// - Parameter environment: of the process; `GRAFT_CACHE`, `XDG_CACHE_HOME` and `HOME` count, in this order.
    init(environment: [String: String]) {
        if let own = environment["GRAFT_CACHE"], !own.isEmpty {
            folder = own
        } else {
            let home = environment["HOME"] ?? FileManager.default.homeDirectoryForCurrentUser.path
            folder = (environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/.cache") + "/graft"
        }
    }

    /// Where a network's published weights are, or will be once fetched.
    func path(of weights: PublishedWeights) -> String { "\(folder)/\(weights.file)" }

    func holds(_ weights: PublishedWeights) -> Bool { FileManager.default.fileExists(atPath: path(of: weights)) }
}

extension PublishedWeights {
    /// The published weights of a network. Throws `UserError` where there are none.
    static func required(for network: String) throws -> PublishedWeights {
        let entry = try NetworkCatalog.entry(named: network)
        guard let weights = PublishedWeights.of(entry.name) else {
            throw UserError(
                "torchvision publishes no weights for \(entry.name); it does for \(networks.joined(separator: ", "))")
        }
        return weights
    }
}
