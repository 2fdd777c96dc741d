// `graft doctor CONFIG`: does reading keep up with the config's network?
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite struct ReadTests {
        @Test func readsAreComparedWithTheNetwork() throws {
            let work = try Workplace(images: 4)
            let launch = try work.graft("doctor", "config.yaml", "--seconds", "0")
            #expect(
                launch.output.contains(/reads, not from memory as far as the system forgets: \d+ files\/s, [\d.]+ MB\/s a host/))
            #expect(
                launch.output.contains(/the network takes about [\d.]+ images\/s a host: reads (do not )?keep up \([\d.]+ x\)/))
            let text = try work.graft("doctor", "config.yaml", "--seconds", "0", "--json").output
            let report = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let reads = try #require(report["reads"] as? [[String: Any]])
            #expect(reads.count == 1)
            for key in ["files_per_second", "bytes_per_second", "decoded_per_second", "network_images_per_second"] {
                #expect(try #require(reads.first?[key] as? Double) > 0, "\(key)")
            }
            #expect(report["links"] == nil)
        }

        @Test func aFolderNeedsNoConfig() throws {
            let work = try Workplace(images: 4)
            let launch = try work.graft("doctor", "data", "--seconds", "0")
            #expect(launch.output.contains("whole pictures/s a host") && !launch.output.contains("the network takes"))
            try FileManager.default.createDirectory(at: work.folder.appending(path: "empty"), withIntermediateDirectories: true)
            let empty = try work.graft("doctor", "empty", "--seconds", "0", expecting: 65)
            #expect(empty.errors.contains("there are no photographs in empty"))
        }
    }
}
