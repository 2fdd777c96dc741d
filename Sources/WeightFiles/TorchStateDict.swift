// Finds the tensors in what a torch file holds: a state dict, or a checkpoint around one.
import Tensors

/// Turns the object of a torch file into named tensors.
enum TorchStateDict {
    /// Entries under which training scripts keep a state dict, best first: averaged weights (EMA) are those that were evaluated.
    private static let wrappers = ["state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model"]
    /// Prefixes that wrappers of modules put before every name (DataParallel, torch.compile).
    private static let prefixes = ["module.", "_orig_mod."]
    /// Checkpoints within checkpoints are followed this deep.
    private static let maximumDepth = 4

    /// The contents of a file with the object `root`; `blocks` says where the bytes of each storage lie.
    static func contents(
        _ root: PickleValue, _ heap: PickleHeap, blocks: [String: Range<Int>], file: MappedFile, format: WeightFile.Format
    ) throws(WeightFileError) -> WeightFileContents {
        let (entries, section) = try stateDict(root, heap, file, depth: 0)
        var tensors: [(name: String, tensor: PickleTensor)] = []
        var positions: [String: Int] = [:]
        for (key, value) in entries {
            guard case .string(let name) = key, case .tensor(let index) = value else { continue }
            // As in Python, a key that is set again keeps its place and takes the new value.
            if let position = positions[name] {
                tensors[position].tensor = heap.tensors[index]
            } else {
                positions[name] = tensors.count
                tensors.append((name, heap.tensors[index]))
            }
        }
        let prefix = commonPrefix(tensors.map(\.name))
        var stored: [StoredTensor] = []
        for (name, tensor) in tensors where name.hasPrefix(prefix) {
            guard let block = blocks[tensor.storage.key] else {
                throw .damaged(file.path, at: nil, "lacks storage '\(tensor.storage.key)' of tensor '\(name)'")
            }
            guard block.count == tensor.storage.count * tensor.storage.elementBytes else {
                throw .damaged(
                    file.path, at: block.lowerBound,
                    "has \(block.count) bytes for storage '\(tensor.storage.key)' of tensor '\(name)', where "
                        + "\(tensor.storage.count * tensor.storage.elementBytes) are needed")
            }
            stored.append(
                StoredTensor(
                    name: String(name.dropFirst(prefix.count)), elementType: tensor.elementType,
                    shape: TensorShape(tensor.extents), strides: tensor.strides, byteOffset: block.lowerBound + tensor.byteOffset)
            )
        }
        return WeightFileContents(format: format, tensors: stored, section: section)
    }

    /// The dictionary that holds the tensors, and the entry of the checkpoint where it was found.
    private static func stateDict(
        _ value: PickleValue, _ heap: PickleHeap, _ file: MappedFile, depth: Int
    ) throws(WeightFileError) -> (entries: [(key: PickleValue, value: PickleValue)], section: String?) {
        guard case .dictionary(let index) = value, depth < maximumDepth else { throw notFound(file, []) }
        let entries = heap.dictionaries[index]
        for wrapper in wrappers {
            guard let inner = entries.last(where: { isText($0.key, wrapper) })?.value, case .dictionary(let found) = inner,
                !heap.dictionaries[found].isEmpty
            else { continue }
            let deeper = try stateDict(inner, heap, file, depth: depth + 1)
            return (deeper.entries, deeper.section.map { "\(wrapper).\($0)" } ?? wrapper)
        }
        let holdsTensors = entries.contains { if case .tensor = $0.value { true } else { false } }
        guard holdsTensors else { throw notFound(file, entries.map(\.key)) }
        return (entries, nil)
    }

    /// The prefix that all names share. A lone counter (`n_averaged`, of averaged models) is left out.
    private static func commonPrefix(_ names: [String]) -> String {
        var prefix = ""
        let named = names.filter { $0 != "n_averaged" }
        guard !named.isEmpty else { return prefix }
        while let next = prefixes.first(where: { next in named.allSatisfy { $0.hasPrefix(prefix + next) } }) { prefix += next }
        return prefix
    }

    private static func isText(_ value: PickleValue, _ text: String) -> Bool {
        if case .string(let string) = value { string == text } else { false }
    }

    private static func notFound(_ file: MappedFile, _ keys: [PickleValue]) -> WeightFileError {
        let names = keys.prefix(8).compactMap { key in if case .string(let name) = key { "'\(name)'" } else { nil } }
        let found = names.isEmpty ? "" : ": its entries are \(names.joined(separator: ", "))\(keys.count > 8 ? ", …" : "")"
        return .unsupported(
            file.path, "holds no state dict\(found)", "save the dictionary of tensors that model.state_dict() returns")
    }
}
