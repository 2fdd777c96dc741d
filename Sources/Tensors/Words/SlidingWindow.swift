// Windows that slide over images: of convolutions and of pooling.

/// Zeros (or, for max pooling, minus infinity) around an image, in pixels. TensorFlow's SAME padding is not symmetric.
package struct Padding: Sendable, Hashable {
    package var top: Int
    package var left: Int
    package var bottom: Int
    package var right: Int

    package init(top: Int, left: Int, bottom: Int, right: Int) {
        self.top = top
        self.left = left
        self.bottom = bottom
        self.right = right
    }

    package init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }
}

/// A two-dimensional window that slides over an image: its size, step and padding.
package struct SlidingWindow: Sendable, Hashable {
    package var height: Int
    package var width: Int
    package var stride: Int
    package var padding: Padding
    /// Whether a last, partly outside window counts (Caffe's pooling, torchvision's GoogLeNet).
    package var roundsUp: Bool

    package init(height: Int, width: Int, stride: Int, padding: Padding, roundsUp: Bool = false) {
        self.height = height
        self.width = width
        self.stride = stride
        self.padding = padding
        self.roundsUp = roundsUp
    }
}
