// All inner products of two lists of vectors, block by block: what a whole matrix of them would have no room for.
import Kernels
import Tensors

/// Products of rows `[n, length]` with columns `[m, length]`, `block` × `block` at a time.
struct BlockedProducts {
    let length: Int
    let block: Int
    let threads: Int

    /// Calls `body` with the first row and the first column of each block and its products `[block, block]`; those beyond the lists' ends are
    /// 0. All blocks of some rows come before those of later ones, and `rowsDone` hears of each such step. Blocks that are not needed are
    /// left out.
    func forEach(
        rows: [Float], columns: [Float], isNeeded: (_ row: Int, _ column: Int) -> Bool = { _, _ in true },
        rowsDone: (Int, Int) -> Void = { _, _ in },
        _ body: (_ row: Int, _ column: Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) throws {
        let (left, right) = (AlignedBuffer(floatCount: block * length), AlignedBuffer(floatCount: block * length))
        let products = AlignedBuffer(floatCount: block * block)
        let kernel = try OneDNNKernel.product(
            try OneDNNEngine(threads: threads), MatrixProduct(rows: block, inner: length, columns: block))
        let scratch = AlignedBuffer(byteCount: max(64, kernel.byteCount(of: .scratchpad)))
        kernel.bind(.left, left.base)
        kernel.bind(.right, right.base)
        kernel.bind(.result, products.base)
        kernel.bind(.scratchpad, scratch.base)
        let (rowCount, columnCount) = (rows.count / length, columns.count / length)
        for row in stride(from: 0, to: rowCount, by: block) {
            fill(left.floats, rows, from: row, isTransposed: false)
            for column in stride(from: 0, to: columnCount, by: block) where isNeeded(row, column) {
                fill(right.floats, columns, from: column, isTransposed: true)
                kernel.run()
                body(row, column, products.floats)
            }
            rowsDone(min(rowCount, row + block), rowCount)
        }
    }

    /// Places in a block's row whose products are above a limit, in order.
    static func places(
        in products: UnsafeMutableBufferPointer<Float>, row: Int, block: Int, above limit: Float, _ body: (Int) -> Void
    ) {
        typealias Lanes = SIMD16<Float>
        let width = 8 * Lanes.scalarCount
        guard let start = products.baseAddress, block.isMultiple(of: width) else {
            preconditionFailure("blocks are of whole lanes")
        }
        let own = start + row * block
        for first in stride(from: 0, to: block, by: width) {
            // Hardly any is: many are looked at together, by the sign of what is left of the limit.
            let lanes = UnsafeRawPointer(own + first)
            var signs = SIMD16<UInt32>.zero
            for number in 0..<8 {
                let some = lanes.loadUnaligned(fromByteOffset: number * MemoryLayout<Lanes>.size, as: Lanes.self)
                signs |= unsafeBitCast(limit - some, to: SIMD16<UInt32>.self)
            }
            guard signs.max() >> 31 == 1 else { continue }
            for place in first..<first + width where own[place] > limit { body(place) }
        }
    }

    private func fill(_ target: UnsafeMutableBufferPointer<Float>, _ vectors: [Float], from start: Int, isTransposed: Bool) {
        let count = min(block, vectors.count / length - start)
        for row in 0..<block {
            for index in 0..<length {
                let value = row < count ? vectors[(start + row) * length + index] : 0
                target[isTransposed ? index * block + row : row * length + index] = value
            }
        }
    }
}
