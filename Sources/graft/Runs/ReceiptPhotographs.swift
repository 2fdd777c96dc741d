// The photographs of a receipt in little memory: there may be millions, and rank 0 has them all when a run ends.
import Files
import ImageData

/// What a receipt says of each photograph, `digest⇥split⇥label`, by path.
struct ReceiptPhotographs: Equatable {
    private var paths = PackedTexts()
    private var texts = PackedTexts()
    /// In the order of the paths' bytes.
    private var order: [Int32] = []

    var count: Int { order.count }

    /// The paths in the order of their bytes.
    subscript(place: Int) -> (path: String, text: String) { (paths[Int(order[place])], texts[Int(order[place])]) }

    /// Adds a photograph; `sort` must follow before any is asked for.
    mutating func append(path: String, text: String) {
        paths.append(path)
        texts.append(text)
    }

    /// Of photographs of one path the last stays.
    mutating func sort() {
        order = []
        for index in paths.sortedIndices() {
            if let last = order.last, paths.order(Int(last), Int(index)) == 0 { order.removeLast() }
            order.append(index)
        }
    }

    /// What is said of a path.
    func text(of path: String) -> String? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if bytewise(self[middle].path, path) { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low].path == path ? self[low].text : nil
    }

    /// Pairs of what is said here and in another receipt where that differs, by path.
    func differences(from other: Self) -> [(path: String, own: String?, other: String?)] {
        var found: [(path: String, own: String?, other: String?)] = []
        var (first, second) = (0, 0)
        while first < count || second < other.count {
            let own = first < count ? self[first] : nil
            let theirs = second < other.count ? other[second] : nil
            let isOwn = theirs.map { theirs in own.map { !bytewise(theirs.path, $0.path) } ?? false } ?? true
            let isTheirs = own.map { own in theirs.map { !bytewise(own.path, $0.path) } ?? false } ?? true
            if isOwn { first += 1 }
            if isTheirs { second += 1 }
            let (text, counterpart) = (isOwn ? own?.text : nil, isTheirs ? theirs?.text : nil)
            guard text != counterpart, let path = isOwn ? own?.path : theirs?.path else { continue }
            found.append((path, text, counterpart))
        }
        return found
    }

    /// Writes a line for each, `digest⇥split⇥label⇥path`.
    func write(to path: String) throws(FileError) {
        try AtomicFile.write(to: path) { (sink) throws(FileError) in
            var piece: [UInt8] = []
            for place in 0..<count {
                let (path, text) = self[place]
                piece += "\(text)\t\(path)\n".utf8
                if piece.count > 1 << 20 {
                    try sink.write(piece)
                    piece.removeAll(keepingCapacity: true)
                }
            }
            try sink.write(piece)
        }
    }
}
