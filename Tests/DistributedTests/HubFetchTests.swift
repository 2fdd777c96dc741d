// `graft weights fetch hf:…` against servers on the loopback interface that have the hub's paths, fields and redirects.
import Files
import Foundation
import Graphs
import Networks
import Tensors
import TestSupport
import Testing
import WeightFiles

private let curl = ["/usr/bin/curl", "/bin/curl", "/usr/local/bin/curl"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}

@Suite(.serialized, .enabled(if: curl != nil, "needs curl"))
struct HubFetchTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "graft-hub-\(UUID().uuidString)")
    private static let commit = String(repeating: "0a", count: 20)
    private let main = "owner/net/resolve/main"
    private let later = "owner/net/resolve/\(commit)"

    /// All tensors of EfficientNet-B0 for two classes, as bytes.
    private static let weights = file(
        try? NetworkCatalog.entry(named: "efficientnet_b0").build(BuildOptions(classes: 2)).parameters)
    private static let digest = weights.withUnsafeBytes { SHA256.hexadecimal(of: $0) }

    private static func file(_ parameters: (some Sequence<ParameterSpec>)?) -> [UInt8] {
        let writer = SafetensorsWriter(
            (parameters.map { Array($0) } ?? []).map { .init(name: $0.name, elementType: .uint8, shape: $0.shape) })
        return writer.header + [UInt8](repeating: 1, count: writer.order.reduce(0) { $0 + $1.byteCount })
    }

    private static let config = Array(
        """
        {"architecture": "efficientnet_b0", "num_classes": 2, "label_names": ["cat", "dog"], "pretrained_cfg": {
        "input_size": [3, 224, 224], "crop_pct": 0.95, "interpolation": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
        """.utf8)

    private func launch(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Launch {
        let usual = [
            "GRAFT_CACHE": folder.path, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "HF_TOKEN": "hf_secret",
            "HF_HUB_OFFLINE": "",
            "HF_HOME": folder.appending(path: "none").path, "HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "",
        ]
        return try Launch(arguments, environment: usual.merging(environment) { $1 })
    }

    private func fetch(_ server: LoopbackServer, _ more: String...) throws -> Launch {
        try launch(["weights", "fetch", "hf:owner/net"] + more, ["HF_ENDPOINT": server.address + "/"])
    }

    private func hub(_ store: LoopbackServer, config: [UInt8] = config, size: Int = weights.count) throws -> LoopbackServer {
        let place = LoopbackServer.Manner(
            location: "\(store.address)/blob?signature=1",
            fields: ["X-Linked-Size: \(size)", "X-Linked-ETag: \"\(Self.digest)\"", "X-Repo-Commit: \(Self.commit)"])
        return try LoopbackServer(
            ["\(main)/config.json": config],
            manners: [
                "\(main)/config.json": .init(fields: ["X-Repo-Commit: \(Self.commit)", "ETag: \"\(Self.commit)\""]),
                "\(later)/model.safetensors": place,
            ])
    }

    private var stored: String { folder.appending(path: "hub/models--owner--net/main").path }

    @Test func aModelIsFetchedWithItsFactsAndTheTokenGoesToTheHubAlone() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try LoopbackServer(["blob?signature=1": Self.weights])
        let server = try hub(store)
        let first = try fetch(server)
        #expect(first.status == 0 && first.output == "\(stored)\n", "\(first.errors)")
        #expect(
            server.requests == [
                "HEAD /\(main)/config.json", "GET /\(main)/config.json", "HEAD /\(later)/preprocessor_config.json",
                "HEAD /\(later)/model.safetensors",
            ])
        #expect(Set(server.tokens) == ["Bearer hf_secret"])
        #expect(store.requests == ["GET /blob?signature=1"] && store.tokens == [nil])
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: stored)) == ["config.json", "model.safetensors"])
        #expect(try fetch(server).output == "\(stored)\n")
        #expect(server.requests.count == 4)
        let offline = try launch(["weights", "inspect", "hf:owner/net"], ["HF_HUB_OFFLINE": "1"])
        for words in [
            "hub         timm efficientnet_b0", "network     efficientnet_b0: the file says so", "classes     cat, dog",
            "pixels      short side 235 (bicubic), centre 224×224, RGB, (0…255 − [127.5 127.5 127.5]) / [127.5 127.5 127.5]",
        ] { #expect(offline.output.contains(words), "\(words)\n\(offline.output.prefix(900))") }
        #expect(try fetch(server, "--again").status == 0 && store.requests.count == 2)
    }

    @Test func brokenConnectionsAreContinuedAndOtherBytesRefused() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let broken = try LoopbackServer(["blob?signature=1": Self.weights], faults: .init(cutAnswers: 1))
        #expect(try fetch(hub(broken)).status == 0)
        #expect(broken.requests.last == "GET /blob?signature=1 from \(Self.weights.count / 2)")
        let other = try LoopbackServer(["blob?signature=1": [UInt8](repeating: 1, count: Self.weights.count)])
        let refused = try fetch(hub(other), "--again")
        #expect(refused.status == 65 && refused.errors.contains("not \(Self.digest); fetch it again"), "\(refused.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: stored) == ["config.json"])
    }

    @Test func foreignNetworksAreRefusedBeforeTheirWeightsAreFetched() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try LoopbackServer([:])
        let server = try hub(store, config: Array(#"{"model_type": "vit", "id2label": {"0": "cat"}}"#.utf8))
        let launch = try fetch(server)
        #expect(
            launch.status == 65 && launch.errors.contains("hf:owner/net is a 'vit' of transformers (of the vision transformers)"))
        #expect(!server.requests.contains { $0.contains("model.safetensors") })
    }

    @Test func shardsComeBeforeTheirIndexAndRenamedModelsAreFollowed() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let parameters = try NetworkCatalog.entry(named: "efficientnet_b0").build(BuildOptions(classes: 2)).parameters
        let parts = [Self.file(parameters[..<90]), Self.file(parameters[90...])]
        let map = parameters.enumerated().map { "\"\($1.name)\": \"part-\($0 < 90 ? 1 : 2).safetensors\"" }
        let index = "{\"weight_map\": {\(map.joined(separator: ", "))}}"
        // The hub answers requests for a renamed model with a path of its own.
        let server = try LoopbackServer(
            [
                "new/net/config.json": Self.config, "\(main)/model.safetensors.index.json": Array(index.utf8),
                "\(main)/part-1.safetensors": parts[0], "\(main)/part-2.safetensors": parts[1],
            ], manners: ["\(main)/config.json": .init(status: nil, location: "/new/net/config.json")])
        let launch = try fetch(server)
        #expect(launch.status == 0, "\(launch.errors)")
        #expect(Set(server.tokens) == ["Bearer hf_secret"])
        let file = try WeightFile.open(stored)
        let values = try file.floats(parameters[95].name)
        #expect(file.names.count == parameters.count && values.allSatisfy { $0 == 1 })
        let inspection = try self.launch(["weights", "inspect", stored])
        #expect(inspection.output.contains("missing     none"), "\(inspection.output.prefix(600))")
        try FileManager.default.removeItem(atPath: "\(stored)/part-2.safetensors")
        #expect(try fetch(server).status == 0 && FileManager.default.fileExists(atPath: "\(stored)/part-2.safetensors"))
    }

    @Test func theHubsOwnCacheIsRead() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = folder.appending(path: "cache/models--owner--net")
        let snapshot = model.appending(path: "snapshots/\(Self.commit)")
        try FileManager.default.createDirectory(at: snapshot, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(at: model.appending(path: "refs"), withIntermediateDirectories: true)
        try Data(Self.commit.utf8).write(to: model.appending(path: "refs/main"))
        try Data(Self.config).write(to: snapshot.appending(path: "config.json"))
        let cache = ["HF_HUB_CACHE": folder.appending(path: "cache").path, "HF_HUB_OFFLINE": "1"]
        // Without its weights it is not there.
        let half = try launch(["weights", "fetch", "hf:owner/net"], cache)
        #expect(half.status == 65 && half.errors.contains("HF_HUB_OFFLINE is set"), "\(half.errors)")
        try Data(Self.weights).write(to: snapshot.appending(path: "model.safetensors"))
        let whole = try launch(["weights", "fetch", "hf:owner/net"], cache)
        #expect(whole.status == 0 && whole.output == "\(snapshot.path)\n", "\(whole.errors)")
    }

    @Test func whatIsPrivateOrMisspeltIsTold() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try LoopbackServer(
            [:],
            manners: ["\(main)/config.json": .init(status: "401 Unauthorized", fields: ["X-Error-Code: RepoNotFound"])])
        let launch = try fetch(server)
        #expect(launch.status == 65 && launch.errors.contains("set HF_TOKEN to a token that may read it"), "\(launch.errors)")
        #expect(!launch.errors.contains("hf_secret"))
        for name in ["hf:net", "hf:owner/net/more", "hf:../net", "hf:owner/net@a/b"] {
            let wrong = try self.launch(["weights", "fetch", name])
            #expect(wrong.status == 65 && wrong.errors.contains("names no model of the hub"), "\(wrong.errors)")
        }
        let missing = try self.launch(["predict", "--weights", "hf:owner/net", "photo.jpg"])
        #expect(missing.status == 65 && missing.errors.contains("run 'graft weights fetch hf:owner/net'"), "\(missing.errors)")
    }
}
