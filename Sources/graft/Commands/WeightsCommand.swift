// `graft weights`: what is in weight files, and where to get them.
import ArgumentParser
import Foundation
import Networks
import Training
import WeightFiles

struct WeightsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights", abstract: "Inspects, converts and fetches weight files.",
        subcommands: [WeightsInspectCommand.self, WeightsConvertCommand.self, WeightsFetchCommand.self])
}

/// `graft weights convert`: any file that Graft reads, as safetensors that need nothing beside them.
struct WeightsConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Writes weights as safetensors under torchvision's names.",
        discussion: """
            graft weights convert EfficientNetB0.h5 efficientnet.safetensors

            The file says which network it is for, how pixels must be prepared, and the classes if they are known: graft predict \
            --weights needs nothing else.
            """)

    @Argument(help: "The file to read: torchvision's, timm's, efficientnet-pytorch's, Keras's, Caffe's or Graft's.")
    var file: String
    @Argument(help: "The .safetensors file to write.")
    var output: String
    @Option(help: "The network; needed where several have the same names and shapes.")
    var network: String?

    func run() throws {
        try reportingErrors {
            let weights = try FittedWeights(SavedModel(try WeightFile.named(file)), network: network)
            try SafetensorsWriter.write(to: output, tensors: weights.tensors, metadata: try weights.metadata.entries())
            say("\(output): \(weights.entry.name), \(weights.tensors.count) tensors, from \(weights.source.rawValue)'s names")
        }
    }
}

/// `graft weights fetch`: published weights into the cache.
struct WeightsFetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Downloads the weights that torchvision publishes for a network, or a model of the hub, and prints their path.",
        discussion: """
            graft weights fetch resnet18

            The file is kept in ~/.cache/graft, or where GRAFT_CACHE says; a config takes it from there with network.weights: \
            torchvision. An interrupted download continues at the next try. A file whose SHA-256 does not begin with the digits in \
            its name is removed.

            graft weights fetch hf:timm/resnet50.a1_in1k
            graft weights fetch hf:microsoft/resnet-50@main

            A model of the hub in timm's or transformers' names, with the preparation of pixels and the classes beside it; a config takes \
            it with network.weights: hf:timm/resnet50.a1_in1k. What the hub's own cache holds is not fetched. HF_ENDPOINT, HF_TOKEN, \
            HF_HUB_OFFLINE, HF_HOME and HF_HUB_CACHE mean what they mean to the hub's own tools. A file that has not the size and the \
            SHA-256 that the hub states is removed.

            torchvision publishes weights for \
            \(PublishedWeights.networks.joined(separator: ", ")).
            """)

    @Argument(help: "The network, or hf:OWNER/NAME[@REVISION].")
    var network: String
    @Option(
        help: ArgumentHelp("The folder to download from, instead of torchvision's; also GRAFT_WEIGHTS_URL.", valueName: "url"))
    var base: String?
    @Option(
        help: ArgumentHelp(
            "The SHA-256 that the file must have, or the digits it begins with, instead of those in its name.",
            valueName: "digits"))
    var sha256: String?
    @Flag(help: "Downloads even if the file is there.")
    var again = false

    func validate() throws {
        guard !network.hasPrefix(HubReference.prefix) || sha256 == nil && base == nil else {
            throw ValidationError("--base and --sha256 are for torchvision's weights; the hub's address is HF_ENDPOINT")
        }
        guard let sha256 else { return }
        guard (8...64).contains(sha256.count), sha256.allSatisfy(\.isHexDigit) else {
            throw ValidationError("--sha256 must be 8 to 64 hexadecimal digits")
        }
    }

    func run() throws {
        try reportingErrors {
            if network.hasPrefix(HubReference.prefix) {
                let fetch = HubFetch(try HubReference(network), environment: ProcessInfo.processInfo.environment)
                return print(try fetch.run(again: again))
            }
            let weights = try PublishedWeights.required(for: network)
            let fetch = WeightFetch(
                weights, base: base, digest: sha256, environment: ProcessInfo.processInfo.environment)
            let file = try fetch.run(again: again)
            say("SHA-256 \(file.sha256)")
            print(file.path)
        }
    }
}
