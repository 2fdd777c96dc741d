// How far a share that was counted on some images may be off.

/// Where a share that was found on so many images may lie: Wilson's interval, which covers 95 of 100.
struct ShareInterval {
    let low, high: Double

    init(_ share: Double, of images: Int) {
        let (z, n) = (1.959964, Double(images))
        let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        let reach = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        (low, high) = (max(0, middle - reach), min(1, middle + reach))
    }
}
