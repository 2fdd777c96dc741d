// How other libraries prepare pixels: each set of published weights expects its own.
import Tensors

extension Preprocessing {
    /// Keras's `caffe` mode (VGG, ResNet): BGR, minus the channel means, not scaled.
    static let kerasCaffe = Preprocessing(
        resize: 256, crop: 224, channelOrder: .bgr, mean: [103.939, 116.779, 123.68], deviation: [1, 1, 1])

    /// Caffe's networks: BGR, minus rounded channel means, not scaled.
    static func caffe(crop: Int) -> Preprocessing {
        Preprocessing(resize: 256, crop: crop, channelOrder: .bgr, mean: [104, 117, 123], deviation: [1, 1, 1])
    }

    /// TensorFlow's EfficientNets: ImageNet's mean and deviation, bicubic, a border of 32 pixels cut off.
    static func tensorFlowImageNet(crop: Int) -> Preprocessing {
        .imageNet(resize: crop + 32, crop: crop, interpolation: .bicubic)
    }

    /// TensorFlow's Lite networks: (x − 127) / 128.
    static func tensorFlowLite(crop: Int) -> Preprocessing {
        Preprocessing(
            resize: crop + 32, crop: crop, interpolation: .bicubic, mean: [127, 127, 127], deviation: [128, 128, 128])
    }

    /// Inception's range −1…1, which timm gives to the Lite networks and torchvision's GoogLeNet expects.
    func withInceptionRange() -> Preprocessing {
        var copy = self
        copy.mean = [127.5, 127.5, 127.5]
        copy.deviation = [127.5, 127.5, 127.5]
        return copy
    }
}
