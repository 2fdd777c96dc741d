// Every network that Graft knows, by name.
import Graphs

/// The list of networks.
package enum NetworkCatalog {
    /// All networks, family by family.
    package static let entries: [NetworkEntry] =
        AlexNet.entries + VGG.entries + GoogLeNet.entries + InceptionV3.entries + ResNet.entries + RegNet.entries
        + DenseNet.entries + SqueezeNet.entries + ShuffleNetV2.entries + MobileNetV2.entries + MobileNetV3.entries
        + MNASNet.entries + EfficientNet.entries + EfficientNetV2.entries
        + EfficientNetLite.entries + ConvNeXt.entries

    /// The network of this name. Throws `unknownNetwork` with the nearest names.
    package static func entry(named name: String) throws(NetworkError) -> NetworkEntry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw .unknownNetwork(name: name, nearest: nearestNames(to: name, among: entries.map(\.name)))
        }
        return entry
    }
}
