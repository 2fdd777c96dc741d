// An unpickler that executes nothing. It knows the opcodes of a state dict and no others; "calls" are answered from a fixed list.
import Files
import Tensors

/// Reads pickles one after the other from a cursor. Memory is bounded: every operation adds at most one value, and their number is.
struct PickleMachine {
    /// How a pickle refers to what lies outside of it.
    enum PersistentObjects {
        case refused
        /// By tuples `('storage', type, key, location, count[, view])`, as since torch 0.1.10.
        case storages
        /// By the texts of numbers that stand for tensors, as before.
        case tensors([String: PickleValue])
    }

    /// More than any weight file needs (a tensor takes about 50 operations), and little memory.
    static let maximumOperations = 2_000_000

    var cursor: ByteCursor
    var heap = PickleHeap()
    var persistentObjects = PersistentObjects.refused

    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var operations = 0
    /// Where the operation at hand stands, for messages.
    private var place = 0

    init(_ cursor: ByteCursor) { self.cursor = cursor }

    /// Reads one pickle, up to and with its STOP, and returns what it builds.
    mutating func load() throws(WeightFileError) -> PickleValue {
        (stack, marks, memo) = ([], [], [:])
        while true {
            place = cursor.offset
            try charge(1)
            let byte = try cursor.integer(UInt8.self, "a pickle")
            guard let opcode = PickleOpcode(rawValue: byte) else {
                throw fault("has a pickle with the operation 0x\(String(byte, radix: 16)), which no file of tensors needs")
            }
            if opcode == .stop { return try pop() }
            if try !pushConstant(opcode) { try combine(opcode) }
        }
    }

    /// Reads one pickle that builds a list or a tuple; nil when it builds something else.
    mutating func loadElements() throws(WeightFileError) -> [PickleValue]? {
        let value = try load()
        return heap.elements(value)
    }

    /// Counts operations, and the elements that an operation copies: else one list copied by every operation would fill the memory.
    mutating func charge(_ count: Int) throws(WeightFileError) {
        operations += count
        guard operations <= Self.maximumOperations else {
            throw fault("has a pickle of more than \(Self.maximumOperations) operations")
        }
    }

    func fault(_ problem: String) -> WeightFileError { .damaged(cursor.file.path, at: place, problem) }

    func refusal(_ problem: String) -> WeightFileError {
        .unsupported(
            cursor.file.path, at: place, problem,
            "the file is refused: have its author save a plain state dict, or use a safetensors file")
    }

    /// Operations that push a value of their own; false for all others.
    private mutating func pushConstant(_ opcode: PickleOpcode) throws(WeightFileError) -> Bool {
        switch opcode {
        case .proto:
            let version = try cursor.integer(UInt8.self, "a pickle's version")
            guard (2...5).contains(version) else { throw fault("has a pickle of the unknown version \(version)") }
        case .frame: _ = try cursor.skip(8, "a pickle's frame")
        case .none: stack.append(.none)
        case .newTrue: stack.append(.bool(true))
        case .newFalse: stack.append(.bool(false))
        case .binInt: stack.append(.int(Int(try cursor.integer(Int32.self, "a number"))))
        case .binInt1: stack.append(.int(Int(try cursor.integer(UInt8.self, "a number"))))
        case .binInt2: stack.append(.int(Int(try cursor.integer(UInt16.self, "a number"))))
        case .long1: stack.append(try long(byteCount: Int(try cursor.integer(UInt8.self, "a number"))))
        case .binFloat: try pushOpaque(8)
        case .shortBinBytes: try pushOpaque(Int(try cursor.integer(UInt8.self, "a byte string")))
        case .binBytes: try pushOpaque(Int(try cursor.integer(UInt32.self, "a byte string")))
        case .binUnicode, .binString: try pushText(Int(try cursor.integer(UInt32.self, "a text")))
        case .shortBinUnicode, .shortBinString: try pushText(Int(try cursor.integer(UInt8.self, "a text")))
        case .emptyTuple: pushTuple([])
        case .emptyList:
            heap.sequences.append([])
            stack.append(.list(heap.sequences.count - 1))
        case .emptyDict: stack.append(newDictionary([]))
        case .emptySet: stack.append(.opaque)
        case .global: try pushGlobal(module: try cursor.line("a module's name"), name: try cursor.line("a name"))
        default: return false
        }
        return true
    }

    /// Operations on what is already on the stack.
    private mutating func combine(_ opcode: PickleOpcode) throws(WeightFileError) {
        switch opcode {
        case .mark: marks.append(stack.count)
        case .tuple: pushTuple(try popToMark())
        case .tuple1: pushTuple(try pop(count: 1))
        case .tuple2: pushTuple(try pop(count: 2))
        case .tuple3: pushTuple(try pop(count: 3))
        case .append: try append(try pop(count: 1))
        case .appends: try append(try popToMark())
        case .setItem: try setItems(try pop(count: 2))
        case .setItems: try setItems(try popToMark())
        case .addItems:
            _ = try popToMark()
            switch try top() {
            case .opaque, .foreign: break
            default: throw fault("has a pickle that adds to what is no set")
            }
        case .frozenSet:
            _ = try popToMark()
            stack.append(.opaque)
        case .binPut: memo[Int(try cursor.integer(UInt8.self, "a memo number"))] = try top()
        case .longBinPut: memo[Int(try cursor.integer(UInt32.self, "a memo number"))] = try top()
        case .memoize: memo[memo.count] = try top()
        case .binGet: try recall(Int(try cursor.integer(UInt8.self, "a memo number")))
        case .longBinGet: try recall(Int(try cursor.integer(UInt32.self, "a memo number")))
        case .stackGlobal:
            let names = try pop(count: 2)
            guard case .string(let module) = names[0], case .string(let name) = names[1] else {
                throw fault("has a pickle that names a global without words")
            }
            try pushGlobal(module: module, name: name)
        case .binPersID: stack.append(try persistentObject(try pop()))
        case .reduce:
            let (arguments, function) = (try pop(), try pop())
            stack.append(try call(function, arguments))
        case .newObject:
            let (_, made) = (try pop(), try pop())
            switch made {
            case .global(.plainData): stack.append(.opaque)
            case .global(.other(let name)): stack.append(.foreign(name))
            default: throw refusal("makes an object that is not plain data")
            }
        case .build:
            // The state of an OrderedDict is torch's `_metadata` (versions of modules), which no reader of tensors needs.
            _ = try pop()
            switch try top() {
            case .dictionary, .opaque, .foreign: break
            default: throw refusal("sets the state of an object that is no dictionary")
            }
        default: throw fault("has a pickle with a misplaced operation")
        }
    }

    // MARK: - The stack

    private func top() throws(WeightFileError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else {
            throw fault("has a pickle that takes from an empty stack")
        }
        return value
    }

    private mutating func pop() throws(WeightFileError) -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(count: Int) throws(WeightFileError) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw fault("has a pickle that takes from an empty stack") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(WeightFileError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw fault("has a pickle that looks for a mark it did not set") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func recall(_ number: Int) throws(WeightFileError) {
        guard let value = memo[number] else { throw fault("has a pickle that recalls value \(number), which it never stored") }
        stack.append(value)
    }

    // MARK: - Values

    private mutating func pushTuple(_ elements: [PickleValue]) {
        heap.sequences.append(elements)
        stack.append(.tuple(heap.sequences.count - 1))
    }

    mutating func newDictionary(_ pairs: [(key: PickleValue, value: PickleValue)]) -> PickleValue {
        heap.dictionaries.append(pairs)
        return .dictionary(heap.dictionaries.count - 1)
    }

    private mutating func pushOpaque(_ count: Int) throws(WeightFileError) {
        _ = try cursor.skip(count, "a pickle's value")
        stack.append(.opaque)
    }

    private mutating func pushText(_ count: Int) throws(WeightFileError) {
        stack.append(.string(try cursor.text(count, "a text")))
    }

    private mutating func pushGlobal(module: String, name: String) throws(WeightFileError) {
        guard let global = PickleGlobal(module: module, name: name) else {
            let isQuantized = name.contains("qtensor") || name.hasPrefix("q")
            throw refusal(
                module.hasPrefix("torch") && isQuantized
                    ? "holds quantised tensors (\(module).\(name)), where float ones are needed"
                    : "asks to call \(module).\(name), which is not a tensor")
        }
        stack.append(.global(global))
    }

    /// A little-endian two's complement number of any length; beyond 64 bits its value is of no interest.
    private mutating func long(byteCount: Int) throws(WeightFileError) -> PickleValue {
        let bytes = cursor.file.bytes(in: try cursor.skip(byteCount, "a number"))
        guard byteCount <= 8 else { return .opaque }
        var number = bytes.last.map { $0 & 0x80 != 0 } ?? false ? -1 : 0
        for byte in bytes.reversed() { number = number << 8 | Int(byte) }
        return .int(number)
    }

    private mutating func append(_ elements: [PickleValue]) throws(WeightFileError) {
        switch try top() {
        case .opaque, .foreign: return
        default: break
        }
        guard case .list(let list) = try top() else { throw fault("has a pickle that appends to what is no list") }
        heap.sequences[list].append(contentsOf: elements)
    }

    private mutating func setItems(_ elements: [PickleValue]) throws(WeightFileError) {
        switch try top() {
        case .opaque, .foreign: return
        default: break
        }
        guard case .dictionary(let dictionary) = try top(), elements.count.isMultiple(of: 2) else {
            throw fault("has a pickle that sets entries of what is no dictionary")
        }
        for index in stride(from: 0, to: elements.count, by: 2) {
            heap.dictionaries[dictionary].append((key: elements[index], value: elements[index + 1]))
        }
    }
}

/// The operations of a pickle that a file of tensors needs (Python's `pickletools` explains them).
enum PickleOpcode: UInt8 {
    case mark = 0x28
    case emptyTuple = 0x29
    case stop = 0x2E
    case binBytes = 0x42
    case shortBinBytes = 0x43
    case binFloat = 0x47
    case binInt = 0x4A
    case binInt1 = 0x4B
    case binInt2 = 0x4D
    case none = 0x4E
    case binPersID = 0x51
    case reduce = 0x52
    case binString = 0x54
    case shortBinString = 0x55
    case binUnicode = 0x58
    case emptyList = 0x5D
    case append = 0x61
    case build = 0x62
    case global = 0x63
    case appends = 0x65
    case binGet = 0x68
    case longBinGet = 0x6A
    case binPut = 0x71
    case longBinPut = 0x72
    case setItem = 0x73
    case tuple = 0x74
    case setItems = 0x75
    case emptyDict = 0x7D
    case proto = 0x80
    case newObject = 0x81
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case newTrue = 0x88
    case newFalse = 0x89
    case long1 = 0x8A
    case shortBinUnicode = 0x8C
    case emptySet = 0x8F
    case addItems = 0x90
    case frozenSet = 0x91
    case stackGlobal = 0x93
    case memoize = 0x94
    case frame = 0x95
}
