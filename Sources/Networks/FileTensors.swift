// A file's tensors by their cleaned names, seen through whatever wraps the network.
import Tensors

/// Names and shapes of a file, and where in it the network stands.
struct FileTensors {
    /// By the cleaned name, with all that stands before the network's own.
    let shapes: [String: TensorShape]
    /// What stands before the network's names, such as `model.`; empty for a bare network.
    var prefix = ""
    private let originals: [String: String]
    /// The names whose last parts are unlike those of any other: Keras puts a model that is a layer of another into a group of its own,
    /// as in `resnet50/conv1_conv/kernel` and `layers/functional/layers/conv2d/vars/0`.
    private let namesByEnding: [Substring: String]
    /// What may stand before every name: data parallelism, compilation, modules that hold the network as a part. Those with the most
    /// names below them first.
    private let ancestors: [String]

    private static let (mostAncestors, deepestAncestor) = (64, 5)

    init(_ tensors: [String: TensorShape]) {
        var shapes: [String: TensorShape] = [:]
        var originals: [String: String] = [:]
        for (name, shape) in tensors {
            let cleaned = Self.cleaned(name[...])
            shapes[cleaned] = shape
            originals[cleaned] = name
        }
        self.shapes = shapes
        self.originals = originals
        namesByEnding = Self.endings(of: shapes.keys)
        ancestors = Self.ancestors(of: shapes.keys)
    }

    private static func ancestors(of names: some Sequence<String>) -> [String] {
        var counts: [Substring: Int] = [:]
        for name in names {
            var depth = 0
            for dot in name.indices where name[dot] == "." && depth < deepestAncestor {
                counts[name[...dot], default: 0] += 1
                depth += 1
            }
        }
        let sorted = counts.sorted { ($1.value, $0.key.count, $0.key) < ($0.value, $1.key.count, $1.key) }
        return sorted.prefix(mostAncestors).map { String($0.key) }
    }

    /// The prefixes under which some of these parameters stand, the empty one first.
    func prefixes(for stored: [StoredParameter]) -> [String] {
        let probes = stride(from: 0, to: stored.count, by: max(1, stored.count / 8)).map { stored[$0].names[0] }
        return [""] + ancestors.filter { ancestor in probes.contains { shapes[ancestor + $0] != nil } }
    }

    /// Names by all that may follow one of their slashes, where only one name ends so.
    private static func endings(of names: some Sequence<String>) -> [Substring: String] {
        var found: [Substring: String?] = [:]
        for name in names {
            for slash in name.indices where name[slash] == "/" {
                let ending = name[name.index(after: slash)...]
                found[ending] = .some(found[ending] == nil ? name : nil)
            }
        }
        return found.compactMapValues { $0 }
    }

    /// Keras puts a whole model's weights into a group, and TensorFlow a number behind every name.
    private static func cleaned(_ name: Substring) -> String {
        var name = name
        for group in ["/", "model_weights/"] where name.hasPrefix(group) { name = name.dropFirst(group.count) }
        return String(name.hasSuffix(":0") ? name.dropLast(2) : name)
    }

    /// The name under which the file has a parameter, if it has it.
    func find(_ stored: StoredParameter) -> String? {
        if let name = stored.names.first(where: { shapes[prefix + $0] != nil }) { return prefix + name }
        for name in stored.names where name.contains("/") {
            if let nested = namesByEnding[name[...]] { return nested }
        }
        return nil
    }

    /// A name without what stands before the network's; nil for one that stands beside the network.
    func inside(_ name: String) -> String? { name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil }

    /// The name as the file spells it.
    func original(_ name: String) -> String { originals[name] ?? name }
}
