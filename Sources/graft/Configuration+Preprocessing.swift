// Lays `network.preprocessing` over what weights expect.
import RunConfiguration
import Tensors

extension RunConfiguration.Network {
    /// How pixels are prepared, where the weights expect `expected`. The warning says what of it the config overrides.
    ///
    /// Throws `UserError` where the crop would be larger than the resized image.
    func prepares(_ expected: Preprocessing) throws -> (preprocessing: Preprocessing, warning: String?) {
        guard let own = preprocessing else { return (expected, nil) }
        var result = expected
        var changes: [String] = []
        func take<Value: Equatable>(_ name: String, _ value: Value?, _ part: WritableKeyPath<Preprocessing, Value>) {
            guard let value, value != result[keyPath: part] else { return }
            changes.append("\(name) \(value) instead of \(result[keyPath: part])")
            result[keyPath: part] = value
        }
        take("resize", own.resize, \.resize)
        take("crop", own.crop, \.crop)
        take("interpolation", own.interpolation, \.interpolation)
        take("channel order", own.channelOrder, \.channelOrder)
        take("mean", own.mean?.map { Float($0) }, \.mean)
        take("deviation", own.deviation?.map { Float($0) }, \.deviation)
        guard result.crop <= result.resize else {
            throw UserError(
                "network.preprocessing: a crop of \(result.crop) pixels does not fit into a short side of \(result.resize); "
                    + "set resize too")
        }
        guard !changes.isEmpty else { return (result, nil) }
        return (
            result,
            "warning: network.preprocessing overrides what the weights expect: \(changes.joined(separator: ", "))"
        )
    }
}
