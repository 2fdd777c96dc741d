// The "functions" that a state dict's pickle calls, and the storages it refers to: answered with descriptions, never executed.
import Files
import Tensors

extension PickleMachine {
    /// What `function(*arguments)` gives, for the few functions there are.
    mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws(WeightFileError) -> PickleValue {
        guard case .global(let global) = function, case .tuple(let tuple) = arguments else {
            throw fault("has a pickle that calls what is no function")
        }
        let values = heap.sequences[tuple]
        switch global {
        case .orderedDict: return try orderedDict(values)
        case .plainData: return .opaque
        case .other(let name): return .foreign(name)
        case .rebuildTensor where values.count == 4, .rebuildTensorV2 where (6...7).contains(values.count):
            return try tensor(values, type: nil, metadata: values.count == 7 ? values[6] : .none)
        case .rebuildTensorV3 where (7...8).contains(values.count):
            guard case .global(.elementType(let type)) = values[6] else {
                throw refusal("has a tensor of a type that Graft does not read")
            }
            return try tensor(values, type: type, metadata: values.count == 8 ? values[7] : .none)
        case .rebuildParameter where values.count == 3:
            guard case .tensor = values[0] else { throw fault("has a parameter that is no tensor") }
            return values[0]
        default: throw refusal("has a pickle that calls a function of torch in an unknown way")
        }
    }

    /// What a persistent id stands for.
    mutating func persistentObject(_ id: PickleValue) throws(WeightFileError) -> PickleValue {
        switch persistentObjects {
        case .refused: throw fault("has a pickle that refers to storages where none can be")
        case .tensors(let tensors):
            guard case .string(let key) = id, let tensor = tensors[key] else {
                throw refusal("refers to an object that is not among its tensors")
            }
            return tensor
        case .storages:
            heap.storages.append(try storage(id))
            return .storage(heap.storages.count - 1)
        }
    }

    /// `OrderedDict()`, or with a list of pairs as Python 2 wrote it.
    private mutating func orderedDict(_ arguments: [PickleValue]) throws(WeightFileError) -> PickleValue {
        var pairs: [(key: PickleValue, value: PickleValue)] = []
        guard arguments.count <= 1, let elements = arguments.first.map(heap.elements) ?? [] else {
            throw fault("has an OrderedDict made of what is no list")
        }
        try charge(elements.count)
        for element in elements {
            guard let pair = heap.elements(element), pair.count == 2 else {
                throw fault("has an OrderedDict made of what are no pairs")
            }
            pairs.append((key: pair[0], value: pair[1]))
        }
        return newDictionary(pairs)
    }

    /// `('storage', type, key, location, count[, (view key, offset, count)])`
    private func storage(_ id: PickleValue) throws(WeightFileError) -> PickleStorage {
        let values = heap.elements(id) ?? []
        if case .string("module")? = values.first { throw refusal("holds a whole pickled model, with code, instead of tensors") }
        guard (5...6).contains(values.count), case .string("storage") = values[0],
            case .global(.storageType(let type)) = values[1], case .string(let key) = values[2], case .int(let count) = values[4],
            count >= 0, !count.multipliedReportingOverflow(by: type?.byteCount ?? 1).overflow
        else { throw fault("refers to a storage in an unknown way") }
        var storage = PickleStorage(key: key, elementType: type, count: count)
        if values.count == 6, let view = heap.elements(values[5]) {
            guard view.count == 3, case .int(let offset) = view[1], case .int(let length) = view[2], offset >= 0, length >= 0,
                offset <= count, length <= count - offset
            else { throw fault("has a view beyond the end of storage '\(key)'") }
            storage.view = offset..<offset + length
        }
        return storage
    }

    /// `(storage, offset, size, stride, …)`
    private mutating func tensor(
        _ values: [PickleValue], type: ElementType?, metadata: PickleValue
    ) throws(WeightFileError) -> PickleValue {
        guard case .storage(let index) = values[0], case .int(let offset) = values[1], let extents = heap.integers(values[2]),
            let strides = heap.integers(values[3])
        else { throw fault("describes a tensor in an unknown way") }
        // The metadata of a tensor says that it is to be negated or conjugated on reading.
        if case .dictionary(let flags) = metadata, !heap.dictionaries[flags].isEmpty {
            throw refusal("has a tensor with metadata, which Graft does not read")
        }
        return try newTensor(heap.storages[index], type: type, offset: offset, extents: extents, strides: strides)
    }

    /// Adds a tensor whose elements all lie within its storage. `offset` and `strides` count elements of the tensor's type.
    mutating func newTensor(
        _ storage: PickleStorage, type: ElementType?, offset: Int, extents: [Int], strides: [Int]
    ) throws(WeightFileError) -> PickleValue {
        guard let type = type ?? storage.elementType else { throw fault("has a tensor without a type") }
        guard extents.count == strides.count, extents.count <= StoredTensor.maximumRank, offset >= 0,
            strides.allSatisfy({ $0 >= 0 }), let count = StoredTensor.checkedCount(extents, elementBytes: type.byteCount)
        else { throw fault("has a tensor of impossible shape") }
        try charge(extents.count)
        // An expanded tensor repeats its elements; one that would grow beyond the file's own size is an attack on memory.
        guard count <= cursor.file.count else { throw fault("has a tensor of \(count) elements, more than the file has bytes") }
        let usable = storage.usable.count * storage.elementBytes / type.byteCount
        var last = offset
        for (extent, stride) in zip(extents, strides) where count > 0 {
            let (reach, first) = (extent - 1).multipliedReportingOverflow(by: stride)
            let (sum, second) = last.addingReportingOverflow(reach)
            guard !first, !second else { throw fault("has a tensor beyond the end of storage '\(storage.key)'") }
            last = sum
        }
        guard count == 0 || last < usable else {
            throw fault("has a tensor that ends at element \(last) of storage '\(storage.key)', which has \(usable)")
        }
        let start = storage.usable.lowerBound * storage.elementBytes + (count == 0 ? 0 : offset * type.byteCount)
        // The stride of an axis that is never stepped along may be any number; a harmless one keeps later sums from overflowing.
        let steps = zip(extents, strides).map { $0 > 1 ? $1 : 1 }
        heap.tensors.append(
            PickleTensor(storage: storage, elementType: type, extents: extents, strides: steps, byteOffset: start))
        return .tensor(heap.tensors.count - 1)
    }
}
