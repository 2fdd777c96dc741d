// The parts of ONNX's messages that networks take, with the field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

/// One operator: a `NodeProto`.
struct ONNXNode {
    enum Attribute {
        case integer(Int)
        case float(Float)
        case integers([Int])
        case text(String)
    }

    typealias Attributes = [(name: String, value: Attribute)]

    let operation: String
    let name: String
    let inputs: [String]
    let output: String
    var attributes: [(name: String, value: Attribute)] = []

    var message: ProtobufMessage {
        var message = ProtobufMessage()
        for input in inputs { message.text(1, input) }
        message.text(2, output)
        message.text(3, name)
        message.text(4, operation)
        for attribute in attributes { message.message(5, Self.message(attribute.name, attribute.value)) }
        return message
    }

    private static func message(_ name: String, _ value: Attribute) -> ProtobufMessage {
        var message = ProtobufMessage()
        message.text(1, name)
        switch value {
        case .float(let number):
            message.float(2, number)
            message.integer(20, 1)
        case .integer(let number):
            message.integer(3, number)
            message.integer(20, 2)
        case .integers(let numbers):
            // One field each: the schema is of protobuf's second version, which does not pack.
            for number in numbers { message.integer(8, number) }
            message.integer(20, 7)
        case .text(let text):
            message.text(4, text)
            message.integer(20, 3)
        }
        return message
    }
}

/// A constant: a `TensorProto` of float32.
struct ONNXTensor {
    let name: String
    let extents: [Int]
    /// Row-major, little-endian.
    let bytes: UnsafeRawBufferPointer

    var message: ProtobufMessage {
        var message = ProtobufMessage()
        for extent in extents { message.integer(1, extent) }
        message.integer(2, ONNXTensor.float32)
        message.text(8, name)
        message.window(9, bytes)
        return message
    }

    /// ONNX's numbers for types.
    static let (float32, uint8, int8, int32, int64) = (1, 2, 3, 6, 7)
}

/// A small constant that the message holds itself: a `TensorProto`.
struct ONNXConstant {
    let name: String
    let extents: [Int]
    private let type: Int
    /// Little-endian.
    private let bytes: [UInt8]

    init(name: String, extents: [Int], floats: [Float]) {
        (self.name, self.extents, type) = (name, extents, ONNXTensor.float32)
        bytes = floats.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    }

    /// A row of int64.
    init(name: String, integers: [Int]) {
        (self.name, extents, type) = (name, [integers.count], ONNXTensor.int64)
        bytes = integers.flatMap { withUnsafeBytes(of: Int64($0).littleEndian, Array.init) }
    }

    init(name: String, extents: [Int], bytes: [UInt8]) {
        (self.name, self.extents, type, self.bytes) = (name, extents, ONNXTensor.uint8, bytes)
    }

    init(name: String, extents: [Int], bytes: [Int8]) {
        (self.name, self.extents, type) = (name, extents, ONNXTensor.int8)
        self.bytes = bytes.map { UInt8(bitPattern: $0) }
    }

    init(name: String, extents: [Int], integers: [Int32]) {
        (self.name, self.extents, type) = (name, extents, ONNXTensor.int32)
        bytes = integers.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
    }

    var message: ProtobufMessage {
        var message = ProtobufMessage()
        for extent in extents { message.integer(1, extent) }
        message.integer(2, type)
        message.text(8, name)
        message.bytes(9, bytes)
        return message
    }
}

/// An input or output of the whole: a `ValueInfoProto` whose first extent, the batch, is free.
struct ONNXValue {
    let name: String
    /// Behind the batch.
    let extents: [Int]
    var type = ONNXTensor.float32
    /// Names of the first of those, where they are free too.
    var free: [String] = []

    var message: ProtobufMessage {
        var shape = ProtobufMessage()
        for name in ["batch"] + free {
            var dimension = ProtobufMessage()
            dimension.text(2, name)
            shape.message(1, dimension)
        }
        for extent in extents.dropFirst(free.count) {
            var dimension = ProtobufMessage()
            dimension.integer(1, extent)
            shape.message(1, dimension)
        }
        var tensor = ProtobufMessage()
        tensor.integer(1, type)
        tensor.message(2, shape)
        var whole = ProtobufMessage()
        whole.message(1, tensor)
        var message = ProtobufMessage()
        message.text(1, name)
        message.message(2, whole)
        return message
    }
}
