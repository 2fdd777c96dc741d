// Finds the tensors in what a torch file holds: a state dict, or a checkpoint around one.
import Files
import Tensors

/// Turns the object of a torch file into named tensors.
enum TorchStateDict {
    /// Entries under which training scripts keep a state dict, best first. Before them all come averaged weights, which are those that
    /// were evaluated: whatever has the word `ema` in its name.
    private static let wrappers = ["state_dict", "model_state_dict", "model", "module", "net", "network", "params", "weights"]
    /// Prefixes that wrappers of modules put before every name (DataParallel, torch.compile).
    private static let prefixes = ["module.", "_orig_mod."]
    /// Checkpoints within checkpoints are followed this deep.
    private static let maximumDepth = 4

    /// The contents of a file with the object `root`; `blocks` says where the bytes of each storage lie.
    static func contents(
        _ root: PickleValue, _ heap: PickleHeap, blocks: [String: Range<Int>], file: MappedFile, format: WeightFile.Format
    ) throws(WeightFileError) -> WeightFileContents {
        let (entries, section) = try stateDict(root, heap, file)
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

    private typealias Entries = [(key: PickleValue, value: PickleValue)]

    /// The dictionary that holds the tensors, and the entry of the checkpoint where it was found.
    private static func stateDict(
        _ value: PickleValue, _ heap: PickleHeap, _ file: MappedFile
    ) throws(WeightFileError) -> (entries: Entries, section: String?) {
        if case .foreign(let name) = value { throw wholeModule(file, name, entry: nil) }
        guard case .dictionary(let index) = value else { throw notFound(file, []) }
        var visited: Set<Int> = []
        guard let (found, path) = search(index, heap, depth: 0, &visited) else {
            for case (.string(let entry), .foreign(let name)) in heap.dictionaries[index] {
                throw wholeModule(file, name, entry: entry)
            }
            throw notFound(file, heap.dictionaries[index].map(\.key))
        }
        return (heap.dictionaries[found], path.isEmpty ? nil : path.joined(separator: "."))
    }

    /// Looks into the entries that may hold a state dict, else whether the dictionary is one. Each dictionary is looked at once: a pickle
    /// can put one into itself a thousand times.
    private static func search(
        _ index: Int, _ heap: PickleHeap, depth: Int, _ visited: inout Set<Int>
    ) -> (index: Int, path: [String])? {
        guard depth < maximumDepth, visited.insert(index).inserted else { return nil }
        // As in Python, the last of several entries of one name counts.
        var inner: [String: Int] = [:]
        for case (.string(let name), .dictionary(let found)) in heap.dictionaries[index] { inner[name] = found }
        for name in inner.keys.filter(isAveraged).sorted() + wrappers {
            guard let candidate = inner[name], let deeper = search(candidate, heap, depth: depth + 1, &visited) else { continue }
            return (deeper.index, [name] + deeper.path)
        }
        if holdsTensors(index, heap) { return (index, []) }
        let others = inner.filter { holdsTensors($0.value, heap) }
        guard others.count == 1, let (name, found) = others.first else { return nil }
        return (found, [name])
    }

    private static func holdsTensors(_ index: Int, _ heap: PickleHeap) -> Bool {
        heap.dictionaries[index].contains { if case (.string, .tensor) = ($0.key, $0.value) { true } else { false } }
    }

    /// `state_dict_ema`, `model_ema`, `ema`, `ema_state_dict`, `params_ema`, …
    private static func isAveraged(_ name: String) -> Bool {
        name.lowercased().split { $0 == "_" || $0 == "." || $0 == "-" }.contains("ema")
    }

    /// The prefix that all names share. A lone counter (`n_averaged`, of averaged models) is left out.
    private static func commonPrefix(_ names: [String]) -> String {
        var prefix = ""
        let named = names.filter { $0 != "n_averaged" }
        guard !named.isEmpty else { return prefix }
        while let next = prefixes.first(where: { next in named.allSatisfy { $0.hasPrefix(prefix + next) } }) { prefix += next }
        return prefix
    }

    /// `torch.save(model)` pickles the program's objects, which cannot be read without the program.
    private static func wholeModule(_ file: MappedFile, _ name: String, entry: String?) -> WeightFileError {
        let place = entry.map { "its entry '\($0)' is" } ?? "is"
        return .unsupported(
            file.path, "\(place) a whole pickled object (\(name)), not a state dict",
            "in the program that made it, save the tensors alone: torch.save(model.state_dict(), 'model.pth')")
    }

    private static func notFound(_ file: MappedFile, _ keys: [PickleValue]) -> WeightFileError {
        let words = Set(keys.compactMap { key in if case .string(let name) = key { name } else { nil } })
        if words.isSuperset(of: ["state", "param_groups"]) {
            return .unsupported(file.path, "holds an optimizer's state, not a network's weights", "name the model's own file")
        }
        let names = keys.prefix(8).compactMap { key in if case .string(let name) = key { "'\(name)'" } else { nil } }
        let found = names.isEmpty ? "" : ": its entries are \(names.joined(separator: ", "))\(keys.count > 8 ? ", …" : "")"
        return .unsupported(
            file.path, "holds no state dict\(found)", "save the dictionary of tensors that model.state_dict() returns")
    }
}
