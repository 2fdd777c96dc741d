// How near to each other images are by their features.
import Foundation
import Kernels
import Tensors

/// Feature vectors of length 1.
struct Neighbours {
    private let rows: [[Float]]
    private static let block = 256

    init(_ rows: [[Float]]) { self.rows = rows }

    /// The mean distance, 1 − cosine, of each to its nearest others.
    func distances(to neighbours: Int) -> [Float] {
        guard let length = rows.first?.count else { return [] }
        var nearest = [[Float]](repeating: [], count: rows.count)
        let transposed = AlignedBuffer(floatCount: length * Self.block)
        let left = AlignedBuffer(floatCount: length * Self.block)
        let result = AlignedBuffer(floatCount: Self.block * Self.block)
        guard let engine = try? OneDNNEngine(threads: 1),
            let product = try? OneDNNKernel.product(
                engine, MatrixProduct(rows: Self.block, inner: length, columns: Self.block))
        else { return rows.map { _ in 0 } }
        let scratch = AlignedBuffer(byteCount: max(64, product.byteCount(of: .scratchpad)))
        product.bind(.left, left.base)
        product.bind(.right, transposed.base)
        product.bind(.result, result.base)
        product.bind(.scratchpad, scratch.base)
        let blocks = (rows.count + Self.block - 1) / Self.block
        for rowBlock in 0..<blocks {
            fill(left.floats, rowBlock, length, isTransposed: false)
            for columnBlock in 0..<blocks {
                fill(transposed.floats, columnBlock, length, isTransposed: true)
                product.run()
                for row in 0..<min(Self.block, rows.count - rowBlock * Self.block) {
                    let own = rowBlock * Self.block + row
                    var list = nearest[own]
                    for column in 0..<min(Self.block, rows.count - columnBlock * Self.block)
                    where columnBlock * Self.block + column != own {
                        let cosine = result.floats[row * Self.block + column]
                        if list.count < neighbours || cosine > list[list.count - 1] {
                            list.append(cosine)
                            list.sort(by: >)
                            if list.count > neighbours { list.removeLast() }
                        }
                    }
                    nearest[own] = list
                }
            }
        }
        return nearest.map { list in list.isEmpty ? 0 : 1 - list.reduce(0, +) / Float(list.count) }
    }

    private func fill(_ target: UnsafeMutableBufferPointer<Float>, _ block: Int, _ length: Int, isTransposed: Bool) {
        for row in 0..<Self.block {
            let own = block * Self.block + row
            for index in 0..<length {
                target[isTransposed ? index * Self.block + row : row * length + index] = own < rows.count ? rows[own][index] : 0
            }
        }
    }
}
