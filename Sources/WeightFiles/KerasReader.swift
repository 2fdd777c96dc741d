// Keras's weight files: `.h5` of Keras 1 to 3 (weights alone or the whole model), `.weights.h5`, and `.keras`.
//
// Names are given as the file has them, arrays in Keras's own layouts: what they mean is the network's table's business.
import Files
import Tensors

/// Finds the weights of a model in an HDF5 file that Keras wrote.
enum KerasReader {
    /// Reads a `.keras` file; nil when the zip file is none.
    static func read(_ file: MappedFile, _ directory: ZipDirectory) throws(WeightFileError) -> WeightFileContents? {
        guard let weights = directory["model.weights.h5"] else { return nil }
        var contents = try read(file, in: try directory.stored(weights), format: .kerasZip)
        if let config = directory["config.json"], config.isStored {
            contents.metadata["model_config"] = String(validating: file.bytes(in: config.range), as: UTF8.self)
        }
        return contents
    }

    /// Reads the HDF5 file that lies in `range` of `file`.
    static func read(
        _ file: MappedFile, in range: Range<Int>, format: WeightFile.Format
    ) throws(WeightFileError) -> WeightFileContents {
        var source = try HDF5File(file, in: range)
        let tree = try source.tree()
        var metadata = try source.texts(at: source.rootAddress).compactMapValues { $0.count == 1 ? $0[0] : nil }
        let named: [(name: String, dataset: HDF5Tree.Dataset)]
        if tree.datasets.contains(where: { $0.path.hasPrefix("vars/") || $0.path.contains("/vars/") }) {
            named = numbered(tree)
        } else {
            let top = tree.groups["model_weights"] == nil ? "" : "model_weights"
            named = try layered(&source, tree, top: top)
            if let address = tree.groups[top] {
                let attributes = try source.texts(at: address).compactMapValues { $0.count == 1 ? $0[0] : nil }
                metadata.merge(attributes) { outer, _ in outer }
            }
        }
        guard !named.isEmpty else {
            throw .unsupported(
                file.path, at: range.lowerBound, "is an HDF5 file without Keras's weights", "save the model with Keras")
        }
        metadata = metadata.filter { ["keras_version", "backend", "model_config"].contains($0.key) }
        var contents = WeightFileContents(format: format, tensors: [], metadata: metadata)
        for (name, dataset) in named {
            let (tensor, decoded) = try stored(dataset, name, &source)
            contents.tensors.append(tensor)
            contents.decoded[name] = decoded
        }
        return contents
    }

    /// The tree of Keras 1 and 2, which Keras 3 still writes to `.h5`: `LAYER/WEIGHT`, in the order of the attributes `layer_names`
    /// of the top and `weight_names` of each layer; without them, by name.
    private static func layered(
        _ source: inout HDF5File, _ tree: HDF5Tree, top: String
    ) throws(WeightFileError) -> [(name: String, dataset: HDF5Tree.Dataset)] {
        let prefix = top.isEmpty ? "" : "\(top)/"
        var positions: [String: Int] = [:]
        for layer in try list("layer_names", at: tree.groups[top], &source) {
            for weight in try list("weight_names", at: tree.groups[prefix + layer], &source) {
                positions["\(prefix)\(layer)/\(weight)"] = positions.count
            }
        }
        let inTree = tree.datasets.filter { $0.path.hasPrefix(prefix) && !$0.path.hasPrefix("optimizer_weights/") }
        let order = inTree.enumerated().sorted { left, right in
            let (first, second) = (positions[left.element.path] ?? .max, positions[right.element.path] ?? .max)
            return (first, left.offset) < (second, right.offset)
        }
        return order.map { (String($0.element.path.dropFirst(prefix.count)), $0.element) }
    }

    /// The tree of Keras 3: `…/vars/NUMBER` under groups named by class and number (`layers/conv2d_3/vars/0`), by path and number.
    private static func numbered(_ tree: HDF5Tree) -> [(name: String, dataset: HDF5Tree.Dataset)] {
        var groups: [(path: Substring, weights: [(number: Int, dataset: HDF5Tree.Dataset)])] = []
        for dataset in tree.datasets where !dataset.path.hasPrefix("optimizer/") {
            guard let slash = dataset.path.lastIndex(of: "/"), let number = Int(dataset.path[slash...].dropFirst()) else {
                continue
            }
            let path = dataset.path[..<slash]
            // The tree is in order of paths, so that the weights of a group stand together.
            if groups.last?.path != path { groups.append((path, [])) }
            groups[groups.count - 1].weights.append((number, dataset))
        }
        return groups.flatMap { $0.weights.sorted { $0.number < $1.number }.map { ($0.dataset.path, $0.dataset) } }
    }

    /// A list of texts that is an attribute, or several of them (`layer_names0`, `layer_names1`, …) when it is long.
    private static func list(_ name: String, at address: Int?, _ source: inout HDF5File) throws(WeightFileError) -> [String] {
        guard let address else { return [] }
        let attributes = try source.texts(at: address)
        if let whole = attributes[name] { return whole }
        return (0..<attributes.count).flatMap { attributes["\(name)\($0)"] ?? [] }
    }

    private static func stored(
        _ dataset: HDF5Tree.Dataset, _ name: String, _ source: inout HDF5File
    ) throws(WeightFileError) -> (tensor: StoredTensor, decoded: DecodedBytes?) {
        guard let type = dataset.elementType else {
            throw .unsupported(
                source.file.path, at: dataset.place, "has the weight '\(name)' in a type that Graft does not read",
                "save the model in float32")
        }
        let tensor = { StoredTensor(name: name, elementType: type, shape: TensorShape(dataset.extents), byteOffset: $0) }
        if let bytes = dataset.bytes { return (tensor(bytes.lowerBound), nil) }
        guard let chunks = dataset.chunks, chunks.elementBytes == type.byteCount else {
            throw .unsupported(
                source.file.path, at: dataset.place, "has the weight '\(name)' packed in a way that Graft does not read",
                "unpack it with 'h5repack -l CONTI -f NONE OLD.h5 NEW.h5'")
        }
        return (tensor(0), try source.unpack(chunks, extents: dataset.extents, path: dataset.path, place: dataset.place))
    }
}
