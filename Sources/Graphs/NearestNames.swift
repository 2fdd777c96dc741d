// The names that somebody probably meant.

/// The names most like a given one, best first.
package func nearestNames(to name: String, among names: some Sequence<String>, count: Int = 3) -> [String] {
    Set(names).map { (editDistance($0, name), $0) }.sorted { $0 < $1 }.prefix(count).map(\.1)
}

/// The Levenshtein distance between two texts.
private func editDistance(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first.utf8), Array(second.utf8))
    var row = Array(0...second.count)
    for (index, byte) in first.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for (column, other) in second.enumerated() {
            let replaced = diagonal + (byte == other ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
        }
    }
    return row[second.count]
}
