// Numbers of any element type to float32: plain loops without branches, so that the compiler vectorises them.
import Tensors

/// Conversion of stored elements to float32.
enum FloatConversion {
    /// Converts `destination.count` packed elements of `type` that start at `source`, at any alignment.
    ///
    /// Numbers beyond float32 (from float64) become infinite; integers beyond 2²⁴ are rounded.
    static func convert(_ source: UnsafeRawPointer, of type: ElementType, to destination: UnsafeMutableBufferPointer<Float>) {
        switch type {
        case .float32:
            UnsafeMutableRawBufferPointer(destination).copyMemory(from: .init(start: source, count: destination.count * 4))
        case .bfloat16: fill(destination, from: source, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .float16: fill(destination, from: source, UInt16.self, widenHalf)
        case .float64: fill(destination, from: source, UInt64.self) { Float(Double(bitPattern: $0)) }
        case .int64: fill(destination, from: source, Int64.self) { Float($0) }
        case .int32: fill(destination, from: source, Int32.self) { Float($0) }
        case .int16: fill(destination, from: source, Int16.self) { Float($0) }
        case .int8: fill(destination, from: source, Int8.self) { Float($0) }
        case .uint8: fill(destination, from: source, UInt8.self) { Float($0) }
        case .bool: fill(destination, from: source, UInt8.self) { $0 == 0 ? 0 : 1 }
        }
    }

    /// `float32(fromFloat16:)` with selections instead of branches.
    @inline(__always)
    private static func widenHalf(_ half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16
        let magnitude = UInt32(half & 0x7FFF)
        // Exponents are rebiased by 112; those of infinities and NaN (31) by 112 more, to 255.
        let normal = (magnitude << 13) &+ (magnitude >= 0x7C00 ? 224 << 23 : 112 << 23)
        // Zero and subnormal numbers are the fraction × 2⁻²⁴, which float32 holds exactly.
        let subnormal = (Float(Int32(bitPattern: magnitude)) * 0x1p-24).bitPattern
        return Float(bitPattern: sign | (magnitude < 0x400 ? subnormal : normal))
    }

    @inline(__always)
    private static func fill<Element: FixedWidthInteger>(
        _ destination: UnsafeMutableBufferPointer<Float>, from source: UnsafeRawPointer, _ type: Element.Type,
        _ widen: (Element) -> Float
    ) {
        guard let target = destination.baseAddress else { return }
        for index in 0..<destination.count {
            let element = source.loadUnaligned(fromByteOffset: index * MemoryLayout<Element>.size, as: Element.self)
            target[index] = widen(Element(littleEndian: element))
        }
    }
}
