// The word that somebody probably meant.

/// The candidate nearest to a misspelt word, nil if none is near.
///
/// Near is: the same but for case and underscores, a beginning (`arch`), initials (`lr` for `learning_rate`), or few
/// letters wrong, missing, added or swapped.
func nearest(to word: String, among candidates: [String]) -> String? {
    func letters(_ text: String) -> [Character] { text.lowercased().filter { $0.isLetter || $0.isNumber } }
    func initials(_ text: String) -> String { String(text.split(separator: "_").compactMap(\.first)) }

    let written = letters(word)
    if word.count > 1, let match = candidates.first(where: { initials($0) == word.lowercased() }) { return match }
    if written.count > 2, let match = candidates.first(where: { letters($0).starts(with: written) }) { return match }
    let distances = candidates.map { (distance: editDistance(written, letters($0)), candidate: $0) }
    guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, min(3, written.count / 3)) ? best.candidate : nil
}

/// How many single letters must be inserted, removed, replaced or swapped with their neighbour (optimal string alignment).
private func editDistance(_ first: [Character], _ second: [Character]) -> Int {
    var rows = [Array(0...second.count)]
    for (i, letter) in first.enumerated() {
        var row = [i + 1]
        for (j, other) in second.enumerated() {
            var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (letter == other ? 0 : 1))
            if i > 0, j > 0, letter == second[j - 1], first[i - 1] == other { best = min(best, rows[i - 1][j - 1] + 1) }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[first.count][second.count]
}
