// The key `network.preprocessing`: how pixels are prepared, where that is not to be as the weights expect.
package import Tensors

extension RunConfiguration {
    /// What differs from the preparation of pixels that the weights came with; nil leaves a part as it is.
    package struct PreprocessingOverride: Sendable, Equatable {
        /// The length of the short side after resizing, in pixels.
        package var resize: Int?
        /// The side of the square centre crop, in pixels: the network's input size.
        package var crop: Int?
        /// The filter that resizes.
        package var interpolation: Preprocessing.Interpolation?
        /// The order in which the network takes red, green and blue.
        package var channelOrder: Preprocessing.ChannelOrder?
        /// Subtracted from each channel, on the scale 0…255, in the order of the channels.
        package var mean: [Double]?
        /// Divides each channel after that, on the same scale and in the same order.
        package var deviation: [Double]?
    }
}

extension Preprocessing.Interpolation: Choice {}
extension Preprocessing.ChannelOrder: Choice {}

extension RunConfiguration.PreprocessingOverride: Section {
    /// From what every network leaves a pixel of, to what fits into memory.
    private static let sides = 64...1024

    static var keys: [Key<Self>] {
        [
            Key("resize", \.resize, .from(sides.lowerBound, to: 4 * sides.upperBound)),
            Key("crop", \.crop, .from(sides.lowerBound, to: sides.upperBound)),
            Key("interpolation", \.interpolation),
            Key("channel_order", \.channelOrder),
            Key("mean", \.mean, .check("a list of three numbers from 0 to 255") { $0.count == 3 && $0.allSatisfy(isLevel) }),
            Key(
                "deviation", \.deviation,
                .check("a list of three numbers above 0 and up to 255") { list in
                    list.count == 3 && list.allSatisfy { $0 > 0 && isLevel($0) }
                }),
        ]
    }

    private static func isLevel(_ number: Double) -> Bool { number >= 0 && number <= 255 }
}
