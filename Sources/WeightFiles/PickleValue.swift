// What the unpickler can build: plain values, containers, and references to tensors. Nothing else exists, so nothing else can happen.
import Tensors

/// A value of a pickle. Containers are indices into the machine's heap: values hold no references, so that a pickle that nests its
/// lists a million deep, or into themselves, neither exhausts the stack nor leaks.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case string(String)
    /// A number, byte string or the like whose value no weight file needs.
    case opaque
    /// Index into `PickleHeap.sequences`.
    case tuple(Int)
    /// Index into `PickleHeap.sequences`.
    case list(Int)
    /// Index into `PickleHeap.dictionaries`.
    case dictionary(Int)
    case global(PickleGlobal)
    /// An object of a class that Graft does not know, by the class's name: nothing of it is kept.
    case foreign(String)
    /// Index into `PickleHeap.storages`.
    case storage(Int)
    /// Index into `PickleHeap.tensors`.
    case tensor(Int)
}

/// The only Python names that a pickle may speak of.
enum PickleGlobal: Equatable {
    case orderedDict
    case rebuildTensor, rebuildTensorV2, rebuildTensorV3, rebuildParameter
    /// `torch.FloatStorage` and its like; nil for `UntypedStorage`, which counts bytes.
    case storageType(ElementType?)
    /// `torch.float32` and its like.
    case elementType(ElementType)
    /// `torch.FloatTensor` and its like, in the oldest files.
    case tensorType
    /// A class of plain data that training scripts save beside their weights. What it makes is opaque: nothing of it is kept.
    case plainData
    /// Any other class or function, by name: what a script saved beside its weights. What it makes is foreign.
    case other(String)

    /// Modules whose functions act on the machine or run code. No script saves them with its weights: a file that speaks of them is
    /// refused as a whole, though nothing of it would be run.
    private static let actingModules: Set<String> = [
        "os", "posix", "nt", "sys", "subprocess", "builtins", "__builtin__", "shutil", "socket", "pty", "runpy", "importlib",
        "ctypes",
        "pickle", "_pickle", "cPickle", "commands", "webbrowser", "code", "codeop", "platform", "timeit", "pdb", "bdb", "imp",
        "signal",
        "multiprocessing", "threading", "asyncio", "operator", "functools", "marshal", "tempfile", "io", "_io", "http", "urllib",
    ]

    /// Python's names of such classes: options, counts of schedulers, numbers of NumPy, paths.
    private static let plainDataNames: Set<String> = [
        "argparse.Namespace", "types.SimpleNamespace", "collections.Counter", "collections.defaultdict", "torch.Size",
        "torch.device", "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath",
        "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "numpy.dtype", "numpy.ndarray",
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct", "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
        "_codecs.encode", "datetime.datetime", "datetime.timedelta",
        // The same in Python 3 and 2, whose names torch writes.
        "builtins.set", "builtins.int", "builtins.float", "builtins.list", "builtins.dict", "__builtin__.set", "__builtin__.int",
        "__builtin__.float", "__builtin__.list", "__builtin__.dict",
    ]

    /// What stands before `Storage` and `Tensor` in the names of torch's classes.
    static let storageNames: [String: ElementType] = [
        "Float": .float32, "Half": .float16, "BFloat16": .bfloat16, "Double": .float64, "Long": .int64, "Int": .int32,
        "Short": .int16, "Char": .int8, "Byte": .uint8, "Bool": .bool,
    ]

    /// The global that Python knows as `module.name`; nil when it is not one of these.
    init?(module: String, name: String) {
        switch (module, name) {
        case _ where Self.plainDataNames.contains("\(module).\(name)"): self = .plainData
        case ("collections", "OrderedDict"): self = .orderedDict
        case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensorV2
        case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorV3
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): self = .storageType(nil)
        case ("torch", _), ("torch.cuda", _):
            if let type = ElementType(rawValue: name) {
                self = .elementType(type)
            } else if name.hasSuffix("Storage"), let type = Self.storageNames[String(name.dropLast(7))] {
                self = .storageType(type)
            } else if name.hasSuffix("Tensor"), Self.storageNames[String(name.dropLast(6))] != nil {
                self = .tensorType
            } else {
                return nil
            }
        case ("torch._utils", _), ("torch.hub", _), ("torch.serialization", _): return nil
        case _ where Self.actingModules.contains(String(module.prefix { $0 != "." })): return nil
        default: self = .other("\(module).\(name)")
        }
    }
}

/// A block of elements that a pickle refers to by key; tensors are windows onto it.
struct PickleStorage {
    var key: String
    /// nil for untyped storages, whose elements are bytes.
    var elementType: ElementType?
    /// Elements of the block.
    var count: Int
    /// Elements of the block that are skipped, and those that remain, for the views of old files.
    var view: Range<Int>?

    var elementBytes: Int { elementType?.byteCount ?? 1 }
    /// The elements that tensors may use.
    var usable: Range<Int> { view ?? 0..<count }
}

/// A tensor that a pickle describes. Its elements were checked to lie within its storage, as the pickle describes that.
struct PickleTensor {
    var storage: PickleStorage
    var elementType: ElementType
    var extents: [Int]
    var strides: [Int]
    /// Bytes from the start of the storage's block to element 0.
    var byteOffset: Int
}

/// The containers of a pickle, and the tensors it describes.
struct PickleHeap {
    var sequences: [[PickleValue]] = []
    var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [PickleStorage] = []
    var tensors: [PickleTensor] = []

    /// The elements of a tuple or a list; nil for anything else.
    func elements(_ value: PickleValue) -> [PickleValue]? {
        switch value {
        case .tuple(let index), .list(let index): sequences[index]
        default: nil
        }
    }

    /// A tuple or list of integers, such as a shape; nil when it is anything else.
    func integers(_ value: PickleValue) -> [Int]? {
        guard let elements = elements(value), elements.count <= StoredTensor.maximumRank else { return nil }
        var integers: [Int] = []
        for element in elements {
            guard case .int(let integer) = element else { return nil }
            integers.append(integer)
        }
        return integers
    }
}
