// What stands outside of a weight file and tells what it is: its name, and the facts that hubs and `graft export` write beside it.
import Foundation
import Networks

/// Where a file comes from, as far as its name and its neighbours say.
struct WeightOrigin {
    private let path: String
    /// The architecture that a `config.json`, or a file of the same name and `.json`, names.
    private let architecture: String?

    init(of path: String) {
        self.path = path
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let facts = ["\(path).json", "\(folder)/config.json"].lazy.compactMap { name -> String? in
            guard let bytes = FileManager.default.contents(atPath: name), bytes.count < 1 << 20 else { return nil }
            return (try? JSONSerialization.jsonObject(with: bytes) as? [String: Any])?["architecture"] as? String
        }
        architecture = facts.first
    }

    /// What speaks against reading the file as this network's; nil for nothing.
    ///
    /// Throws `UserError` for a file that is said to be of a network with the same names that computes something else.
    func warning(_ source: WeightSource, _ entry: NetworkEntry) throws -> String? {
        let name = URL(fileURLWithPath: path).lastPathComponent
        if source == .timm, entry.family == .efficientNetLite {
            // timm has both, with the same names: its own pads evenly and expects other pixels.
            if let architecture, architecture == entry.name, !name.hasPrefix("tf_") {
                throw UserError(
                    "\(path) is timm's own \(entry.name), as the facts beside it say: it has the names of tf_\(entry.name), and other "
                        + "padding, which Graft does not have; take tf_\(entry.name)")
            }
            guard architecture?.hasPrefix("tf_") != true, !name.hasPrefix("tf_") else { return nil }
            return
                "timm has two networks of these names, \(entry.name) and tf_\(entry.name); this is read as the latter: rename the file to "
                + "tf_… if it is, for the other computes something else"
        }
        let isAdversarial = name.hasPrefix("adv-") || name.contains("_ap-") || name.contains("_ap.") || name.contains("advprop")
        if entry.family == .efficientNet, isAdversarial || architecture?.hasSuffix("_ap") == true {
            return "the file's name says AdvProp: such weights expect pixels from -1 to 1; set network.preprocessing: "
                + "{ mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5] }"
        }
        return nil
    }
}
