// Windows of a plan as kernels want them.
import Graphs
import Kernels
import Tensors

extension WindowGeometry {
    /// A window over so many images.
    init(_ place: PlacedWindow, groups: Int = 1, images: Int) {
        let window = place.window
        self.init(
            images: images, source: place.source, destination: place.destination, kernelHeight: window.height,
            kernelWidth: window.width, stride: window.stride, padTop: window.padding.top, padLeft: window.padding.left,
            groups: groups)
    }

    /// A convolution over so many images. Of a linear layer images are the pixels: kernels go over the pixels of an image together,
    /// but over images one by one.
    init(_ layer: ConvolutionLayer, images: Int) {
        guard layer.isLinear else {
            self.init(layer.place, groups: layer.groups, images: images)
            return
        }
        self.init(
            images: 1, source: [1, images, layer.place.source[2]], destination: [1, images, layer.place.destination[2]],
            kernelHeight: 1, kernelWidth: 1, stride: 1, padTop: 0, padLeft: 0)
    }
}
