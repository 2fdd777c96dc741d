// `graft weights fetch` against a server on the loopback interface that behaves, breaks off, and lies.
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
struct WeightsFetchTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "graft-fetch-\(UUID().uuidString)")
    private let name = "efficientnet_b0_rwightman-7f5810bc.pth"

    /// All tensors of EfficientNet-B0, as bytes: small, and of the right names and shapes.
    private static let published: [UInt8] = {
        let graph = try? NetworkCatalog.entry(named: "efficientnet_b0").build()
        let writer = SafetensorsWriter(
            (graph?.parameters ?? []).map { .init(name: $0.name, elementType: .uint8, shape: $0.shape) })
        return writer.header + [UInt8](repeating: 1, count: writer.order.reduce(0) { $0 + $1.byteCount })
    }()

    private static let digest = published.withUnsafeBytes { SHA256.hexadecimal(of: $0) }

    private func fetch(_ address: String, network: String = "efficientnet_b0", _ options: String...) throws -> Launch {
        try Launch(
            ["weights", "fetch", network, "--base", address, "--sha256", Self.digest] + options,
            environment: ["GRAFT_CACHE": folder.path, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"])
    }

    private var partial: URL { folder.appending(path: name + ".partial") }

    private func leave(_ bytes: [UInt8]) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: partial)
    }

    private func expectWhole(_ launch: Launch) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try #require(launch.status == 0, "\(launch.errors)")
        let path = folder.appending(path: name).path
        #expect(launch.output == "\(path)\n")
        #expect(FileManager.default.contents(atPath: path).map { [UInt8]($0) == Self.published } == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [name])
        #expect(launch.errors.contains("SHA-256 \(Self.digest)\n"))
    }

    @Test func aFileIsFetchedOnce() throws {
        let server = try LoopbackServer([name: Self.published])
        #expect(try fetch(server.address).status == 0)
        #expect(server.requests == ["HEAD /\(name)", "GET /\(name)"])
        let again = try fetch(server.address)
        #expect(again.status == 0 && server.requests.count == 2)
        try expectWhole(try fetch(server.address, "--again"))
    }

    @Test func brokenConnectionsAreContinued() throws {
        let server = try LoopbackServer([name: Self.published], faults: .init(cutAnswers: 2))
        try expectWhole(try fetch(server.address))
        let (half, size) = (Self.published.count / 2, Self.published.count)
        #expect(server.requests.suffix(2) == ["GET /\(name) from \(half)", "GET /\(name) from \(half + (size - half) / 2)"])
    }

    @Test func serversWithoutRangesGiveTheWholeFile() throws {
        let server = try LoopbackServer([name: Self.published], faults: .init(cutAnswers: 1, ignoresRanges: true))
        try expectWhole(try fetch(server.address))
    }

    @Test(arguments: [1000, 10_000_000]) func foreignBeginningsAreDropped(count: Int) throws {
        let server = try LoopbackServer([name: Self.published])
        try leave([UInt8](repeating: 7, count: count))
        try expectWhole(try fetch(server.address))
    }

    @Test func whatIsNotTheNetworkIsRefused() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try LoopbackServer([name: Array("<html>".utf8), "resnet18-f37072fd.pth": Self.published])
        let page = try fetch(server.address)
        #expect(page.status == 65)
        #expect(page.errors.contains("is not a weight file and was removed"))
        let other = try fetch(server.address, network: "resnet18")
        #expect(other.status == 65)
        #expect(other.errors.contains("they fit efficientnet_b0"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test func whatHasAnotherDigestIsRefused() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try LoopbackServer([name: Self.published])
        let launch = try Launch(
            ["weights", "fetch", "efficientnet_b0", "--base", server.address],
            environment: ["GRAFT_CACHE": folder.path, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"])
        #expect(launch.status == 65)
        #expect(launch.errors.contains("its SHA-256 is \(Self.digest), not 7f5810bc…"), "\(launch.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        #expect(try fetch(server.address, network: "efficientnet_b0", "--sha256", "123").status == 64)
    }

    @Test func whoIsOfflineIsToldWhatToDo() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        // Nothing listens on port 9 of this machine.
        let launch = try fetch("http://127.0.0.1:9")
        #expect(launch.status == 65)
        #expect(launch.errors.contains("cannot fetch http://127.0.0.1:9/\(name)"))
        #expect(launch.errors.contains("put the file into \(folder.path)"))
        let empty = try LoopbackServer([:])
        let missing = try fetch(empty.address)
        #expect(empty.requests == ["HEAD /\(name)"])
        #expect(missing.status == 65 && missing.errors.contains("404"))
    }

    @Test func networksWithoutPublishedWeightsAreNamed() throws {
        let launch = try fetch("http://127.0.0.1:9", network: "alexnet_2012")
        #expect(launch.status == 65)
        #expect(launch.errors.contains("torchvision publishes no weights for alexnet_2012"))
    }
}
