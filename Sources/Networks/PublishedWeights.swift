// The weights that torchvision publishes, by network.

/// Where torchvision's published weights (its `IMAGENET1K_V1`, whose accuracy the catalogue states) are to be had.
package struct PublishedWeights: Sendable, Hashable {
    /// The network's name in the catalogue.
    package let network: String
    /// The file's name, which ends in the first eight digits of its SHA-256. Several once were wrong (torchvision issue 7744); torchvision checks
    /// those that are here at each download.
    package let file: String

    /// The folder of all files.
    package static let address = "https://download.pytorch.org/models"

    /// The weights for a network; nil where torchvision has none.
    package static func of(_ network: String) -> PublishedWeights? {
        files[network].map { PublishedWeights(network: network, file: $0) }
    }

    /// Networks with published weights, in the catalogue's order.
    package static var networks: [String] { NetworkCatalog.entries.map(\.name).filter { files[$0] != nil } }

    /// The digits with which the file's SHA-256 should begin.
    package var digestPrefix: String {
        file.split(separator: "-").last.map { String($0.prefix { $0 != "." }) } ?? ""
    }

    private static let files = [
        "alexnet": "alexnet-owt-7be5be79.pth",
        "vgg11": "vgg11-8a719046.pth", "vgg11_bn": "vgg11_bn-6002323d.pth",
        "vgg13": "vgg13-19584684.pth", "vgg13_bn": "vgg13_bn-abd245e5.pth",
        "vgg16": "vgg16-397923af.pth", "vgg16_bn": "vgg16_bn-6c64b313.pth",
        "vgg19": "vgg19-dcbb9e9d.pth", "vgg19_bn": "vgg19_bn-c79401a0.pth",
        "googlenet": "googlenet-1378be20.pth",
        "resnet18": "resnet18-f37072fd.pth", "resnet34": "resnet34-b627a593.pth", "resnet50": "resnet50-0676ba61.pth",
        "resnet101": "resnet101-63fe2227.pth", "resnet152": "resnet152-394f9c45.pth",
        "efficientnet_b0": "efficientnet_b0_rwightman-7f5810bc.pth",
        "efficientnet_b1": "efficientnet_b1_rwightman-bac287d4.pth",
        "efficientnet_b2": "efficientnet_b2_rwightman-c35c1473.pth",
        "efficientnet_b3": "efficientnet_b3_rwightman-b3899882.pth",
        "efficientnet_b4": "efficientnet_b4_rwightman-23ab8bcd.pth",
        "efficientnet_b5": "efficientnet_b5_lukemelas-1a07897c.pth",
        "efficientnet_b6": "efficientnet_b6_lukemelas-24a108a5.pth",
        "efficientnet_b7": "efficientnet_b7_lukemelas-c5b4e57e.pth",
    ]
}
