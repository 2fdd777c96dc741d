// Holds the imports of every target to the table of layers: the compiler lets an undeclared one slip through now and then.
import Foundation
import Testing

@Suite struct LayeringTests {
    /// What each target may import besides Foundation, Dispatch and Synchronization.
    static let allowed: [String: Set<String>] = [
        "Tensors": [],
        "Files": [],
        "Collectives": ["CProcess"],
        "RunConfiguration": ["Tensors", "Yams"],
        "CollectivesMPI": ["Collectives", "CMPI", "CVectorLoops"],
        "Graphs": ["Tensors"],
        "Kernels": ["Tensors", "COneDNN", "CVectorLoops"],
        "ImageData": ["Tensors", "Files", "CImageCodecs"],
        "Optimization": ["Tensors", "CVectorLoops"],
        "WeightFiles": ["Tensors", "Files", "CZlib"],
        "Networks": ["Graphs", "Tensors"],
        "Execution": ["Graphs", "Kernels", "Tensors", "Files"],
        "Features": ["Tensors", "Files", "Collectives", "ImageData"],
        "ONNXFiles": ["Graphs", "Tensors", "Files"],
        "Training": [
            "Tensors", "Files", "Collectives", "Graphs", "Kernels", "ImageData", "Optimization", "WeightFiles", "Networks",
            "Execution",
        ],
        "PlanReports": ["Execution", "Graphs", "Tensors"],
        "Reporting": ["Tensors", "Files", "ImageData", "Training"],
    ]
    private static let everywhere: Set<String> = ["Foundation", "Dispatch", "Synchronization"]
    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    @Test(arguments: allowed.keys.sorted())
    func targetImportsOnlyLowerLayers(_ target: String) throws {
        let folder = Self.sources.appending(path: target)
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        let permitted = try #require(Self.allowed[target]).union(Self.everywhere)
        var count = 0
        for case let file as URL in files where file.pathExtension == "swift" {
            count += 1
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                guard let match = line.wholeMatch(of: /(?:package |internal |private |public )?import (\w+)/) else { continue }
                #expect(permitted.contains(String(match.1)), "\(file.lastPathComponent) imports \(match.1)")
            }
        }
        #expect(count > 0)
    }

    @Test func everyTargetIsInTheTable() throws {
        let targets = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
            .filter { !$0.hasPrefix("C") || $0.hasPrefix("Collectives") }
        #expect(Set(targets) == Set(Self.allowed.keys).union(["graft"]))
    }
}
