// `graft predict --explain`: what of a photograph speaks for a class.
import Execution
import Files
import Foundation
import Graphs
import ImageData
import Reporting
import Training

/// What is to be explained, and how.
struct ExplanationWish {
    let method: ActivationMapMethod
    /// A layer's name; nil for the last one that has an extent.
    let layer: String?

    /// The plan for it, of a network as inference computes it, but in float32. Throws `LayerPatternError` for a layer that is none.
    func plan(of inference: PlanRequest) throws -> Plan {
        let graph = inference.graph
        let node = try layer.map { try graph.featureMap(ofLayer: $0, setting: "--explain-layer") } ?? graph.lastFeatureMap
        guard let node else { throw UserError("\(graph.name) has no layer whose output is a picture") }
        var request = PlanRequest(
            graph: graph, trainability: .frozen(graph), capacity: inference.capacity, exit: .sensitivity(of: node))
        (request.winograd, request.cacheBytes) = (inference.winograd, PlanRequest.usualCacheBytes)
        return Planner.plan(request)
    }
}

/// Where the pictures go: one file for one photograph, a folder for several.
struct ExplanationFiles {
    private let path: String
    private let isFolder: Bool
    private var taken: Set<String> = []

    /// Makes the folder. Throws `UserError` for one file and several photographs.
    init(_ path: String, photographs: Int) throws {
        (self.path, isFolder) = (path, !path.lowercased().hasSuffix(".png"))
        guard isFolder || photographs == 1 else {
            throw UserError(
                "--explain: \(path) is one picture, and there are \(photographs) photographs; name a folder for theirs")
        }
        if isFolder { try Folders.make(path, advice: "check that the folder above it can be written") }
    }

    /// Writes a picture; returns where.
    mutating func write(_ picture: PixelImage, of photograph: String) throws -> String {
        guard let bytes = picture.png else { throw UserError("--explain: no memory left for a picture of \(photograph)") }
        let target = isFolder ? "\(path)/\(name(of: photograph))" : path
        try AtomicFile.write(bytes, to: target)
        return target
    }

    /// The photograph's own name, with a number where another one has it.
    private mutating func name(of photograph: String) -> String {
        let stem = URL(fileURLWithPath: photograph).deletingPathExtension().lastPathComponent
        var (name, number) = ("\(stem).png", 2)
        while !taken.insert(name).inserted { (name, number) = ("\(stem)-\(number).png", number + 1) }
        return name
    }
}
