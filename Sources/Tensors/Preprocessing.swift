// How pixels become a network's input. It belongs to the weights, not to the user: the image pipeline applies it, networks and
// weight files declare it, checkpoints and exports carry it.

/// What happens to a photograph before the network sees it: resize the short side, crop the centre, order the channels, normalise.
package struct Preprocessing: Sendable, Hashable, Codable {
    /// Pillow's antialiased resampling filters.
    package enum Interpolation: String, Sendable, Hashable, Codable, CaseIterable { case bilinear, bicubic }
    package enum ChannelOrder: String, Sendable, Hashable, Codable, CaseIterable { case rgb, bgr }

    /// Length of the short side after resizing, in pixels.
    package var resize: Int
    /// Side of the square centre crop, in pixels: the network's input size.
    package var crop: Int
    package var interpolation: Interpolation
    package var channelOrder: ChannelOrder
    /// Subtracted from each channel, on the scale 0…255, in `channelOrder`.
    package var mean: [Float]
    /// Divides each channel after that, on the scale 0…255, in `channelOrder`.
    package var deviation: [Float]

    package init(
        resize: Int, crop: Int, interpolation: Interpolation = .bilinear, channelOrder: ChannelOrder = .rgb, mean: [Float],
        deviation: [Float]
    ) {
        self.resize = resize
        self.crop = crop
        self.interpolation = interpolation
        self.channelOrder = channelOrder
        self.mean = mean
        self.deviation = deviation
    }

    /// torchvision's: mean and deviation of ImageNet's training images, RGB.
    package static func imageNet(resize: Int = 256, crop: Int = 224, interpolation: Interpolation = .bilinear) -> Preprocessing {
        Preprocessing(
            resize: resize, crop: crop, interpolation: interpolation, mean: [0.485, 0.456, 0.406].map { $0 * 255 },
            deviation: [0.229, 0.224, 0.225].map { $0 * 255 })
    }
}
