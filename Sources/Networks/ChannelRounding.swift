// Numbers of channels as the mobile networks' authors round them.

/// Rounded to a multiple of 8, but never by more than a tenth down.
func roundedToEights(_ channels: Double) -> Int {
    let nearest = max(8, Int(channels + 4) / 8 * 8)
    return Double(nearest) < 0.9 * channels ? nearest + 8 : nearest
}
