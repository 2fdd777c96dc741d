// Cores and ranks as people list them.

/// `0-3,8` for 0, 1, 2, 3, 8.
package func numberRanges(_ ascending: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in ascending {
        if let last = runs.last, last.upperBound + 1 == number {
            runs[runs.count - 1] = last.lowerBound...number
        } else {
            runs.append(number...number)
        }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
}
