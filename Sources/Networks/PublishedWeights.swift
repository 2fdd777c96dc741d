// The weights that torchvision publishes, by network.

/// Where torchvision's published weights (its `IMAGENET1K_V1`, whose accuracy the catalogue states) are to be had.
package struct PublishedWeights: Sendable, Hashable {
    /// The network's name in the catalogue.
    package let network: String
    /// The file's name, which ends in the first digits of its SHA-256. Several once were wrong (torchvision issue 7744); torchvision checks
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
        "convnext_base": "convnext_base-6075fbad.pth", "convnext_large": "convnext_large-ea097f82.pth",
        "convnext_small": "convnext_small-0c510722.pth", "convnext_tiny": "convnext_tiny-983f1562.pth",
        "densenet121": "densenet121-a639ec97.pth",
        "densenet161": "densenet161-8d451a50.pth",
        "densenet169": "densenet169-b2777c0a.pth",
        "densenet201": "densenet201-c1103571.pth",
        "efficientnet_v2_l": "efficientnet_v2_l-59c71312.pth",
        "efficientnet_v2_m": "efficientnet_v2_m-dc08266a.pth",
        "efficientnet_v2_s": "efficientnet_v2_s-dd5fe13b.pth",
        "inception_v3": "inception_v3_google-0cc3c7bd.pth",
        "mnasnet0_5": "mnasnet0.5_top1_67.823-3ffadce67e.pth",
        "mnasnet0_75": "mnasnet0_75-7090bc5f.pth",
        "mnasnet1_0": "mnasnet1.0_top1_73.512-f206786ef8.pth",
        "mnasnet1_3": "mnasnet1_3-a4c69d6f.pth",
        "mobilenet_v2": "mobilenet_v2-b0353104.pth",
        "mobilenet_v3_large": "mobilenet_v3_large-8738ca79.pth",
        "mobilenet_v3_small": "mobilenet_v3_small-047dcff4.pth",
        "regnet_x_400mf": "regnet_x_400mf-adf1edd5.pth",
        "regnet_x_800mf": "regnet_x_800mf-ad17e45c.pth",
        "regnet_x_1_6gf": "regnet_x_1_6gf-e3633e7f.pth",
        "regnet_x_3_2gf": "regnet_x_3_2gf-f342aeae.pth",
        "regnet_x_8gf": "regnet_x_8gf-03ceed89.pth",
        "regnet_x_16gf": "regnet_x_16gf-2007eb11.pth",
        "regnet_x_32gf": "regnet_x_32gf-9d47f8d0.pth",
        "regnet_y_400mf": "regnet_y_400mf-c65dace8.pth",
        "regnet_y_800mf": "regnet_y_800mf-1b27b58c.pth",
        "regnet_y_1_6gf": "regnet_y_1_6gf-b11a554e.pth",
        "regnet_y_3_2gf": "regnet_y_3_2gf-b5a9779c.pth",
        "regnet_y_8gf": "regnet_y_8gf-d0d0e4a8.pth",
        "regnet_y_16gf": "regnet_y_16gf-9e6ed7dd.pth",
        "regnet_y_32gf": "regnet_y_32gf-4dee3f7a.pth",
        "resnext101_32x8d": "resnext101_32x8d-8ba56ff5.pth",
        "resnext101_64x4d": "resnext101_64x4d-173b62eb.pth",
        "resnext50_32x4d": "resnext50_32x4d-7cdf4587.pth",
        "shufflenet_v2_x0_5": "shufflenetv2_x0.5-f707e7126e.pth",
        "shufflenet_v2_x1_0": "shufflenetv2_x1-5666bf0f80.pth",
        "shufflenet_v2_x1_5": "shufflenetv2_x1_5-3c479a10.pth",
        "shufflenet_v2_x2_0": "shufflenetv2_x2_0-8be3c8ee.pth",
        "squeezenet1_0": "squeezenet1_0-b66bff10.pth",
        "squeezenet1_1": "squeezenet1_1-b8a52dc0.pth",
        "wide_resnet101_2": "wide_resnet101_2-32ee1156.pth",
        "wide_resnet50_2": "wide_resnet50_2-95faca4d.pth",
    ]
}
