// How near to each other images are by their features.

/// Feature vectors of length 1, `[images, length]`.
struct Neighbours {
    private let vectors: [Float]
    private let length: Int
    private static let block = 256

    init(_ vectors: [Float], length: Int) { (self.vectors, self.length) = (vectors, length) }

    /// The mean distance, 1 − cosine, of each to its nearest others.
    func distances(to neighbours: Int, threads: Int) throws -> [Float] {
        let count = vectors.count / length
        var nearest = [[Float]](repeating: [], count: count)
        let products = BlockedProducts(length: length, block: Self.block, threads: threads)
        try products.forEach(rows: vectors, columns: vectors) { row, column, cosines in
            for own in row..<min(row + Self.block, count) {
                var list = nearest[own]
                for other in column..<min(column + Self.block, count) where other != own {
                    let cosine = cosines[(own - row) * Self.block + other - column]
                    guard list.count < neighbours || cosine > list[list.count - 1] else { continue }
                    list.append(cosine)
                    list.sort(by: >)
                    if list.count > neighbours { list.removeLast() }
                }
                nearest[own] = list
            }
        }
        return nearest.map { list in list.isEmpty ? 0 : 1 - list.reduce(0, +) / Float(list.count) }
    }
}
