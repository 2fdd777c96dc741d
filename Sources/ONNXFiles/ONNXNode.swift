// The parts of ONNX's messages that networks take, with the field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

/// One operator: a `NodeProto`.
struct ONNXNode {
    enum Attribute {
        case integer(Int)
        case float(Float)
        case integers([Int])
    }

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

    /// ONNX's number for the type.
    static let float32 = 1
}

/// An input or output of the whole: a `ValueInfoProto` of float32 whose first extent, the batch, is free.
struct ONNXValue {
    let name: String
    /// Behind the batch.
    let extents: [Int]

    var message: ProtobufMessage {
        var shape = ProtobufMessage()
        var batch = ProtobufMessage()
        batch.text(2, "batch")
        shape.message(1, batch)
        for extent in extents {
            var dimension = ProtobufMessage()
            dimension.integer(1, extent)
            shape.message(1, dimension)
        }
        var tensor = ProtobufMessage()
        tensor.integer(1, ONNXTensor.float32)
        tensor.message(2, shape)
        var type = ProtobufMessage()
        type.message(1, tensor)
        var message = ProtobufMessage()
        message.text(1, name)
        message.message(2, type)
        return message
    }
}
