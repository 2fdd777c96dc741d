// `graft reproduce`: a run that is made again has the same bits, and what is no longer the same is named.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct ReproduceTests {
        private func lines(_ launch: Launch) throws -> [[String: Any]] {
            try launch.output.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
            }
        }

        /// Changes bytes of a file while `body` runs.
        private func changing(_ work: Workplace, _ file: String, _ change: (inout Data) -> Void, _ body: () throws -> Void) throws
        {
            let (url, before) = (URL(fileURLWithPath: work.path(file)), try work.contents(file))
            var changed = before
            change(&changed)
            try changed.write(to: url)
            try body()
            try before.write(to: url)
        }

        @Test func theBitsAreTheSameAndChangesAreNamed() throws {
            let work = try Workplace()
            try work.train("first")
            try work.graft("export", "runs/first", "--format", "safetensors", "--output", "w.safetensors")
            try work.train("a", ["network.weights=w.safetensors", "training.epochs=2"], ranks: 2)
            let same = try lines(try work.graft(["reproduce", "runs/a", "--json"], ranks: 2))
            #expect(same.count == 1 && same[0]["kind"] as? String == "result" && same[0]["same_bits"] as? Bool == true)
            #expect(same[0]["steps"] as? Int == 6 && same[0]["trained"] as? Bool == true)
            #expect(try work.graft("reproduce", "runs/a", expecting: 65).errors.contains("mpirun -n 2 graft reproduce runs/a"))

            func differences(_ options: [String] = []) throws -> [[String: Any]] {
                try lines(try work.graft(["reproduce", "runs/a", "--json"] + options, ranks: 2, expecting: 65))
            }
            let photograph = "data/train/ant/ant-1.png"
            let other = try work.contents("data/train/bee/bee-1.png")
            try changing(work, photograph, { $0 = other }) {
                let found = try differences()
                #expect(
                    found.count == 2 && found[0]["thing"] as? String == "photograph" && found[0]["path"] as? String == photograph)
                #expect(found[1]["same_bits"] as? Bool == false && found[1]["trained"] as? Bool == false)
                let last = try #require(try differences(["--anyway"]).last?["first_difference"] as? [String: Any])
                #expect(last["thing"] as? String == "loss" && last["step"] is Int)
            }
            try changing(work, "w.safetensors", { $0[$0.count - 2] ^= 1 }) {
                let found = try differences()
                #expect(found.first?["thing"] as? String == "weights")
            }
            try changing(
                work, "runs/a/receipt.json",
                { $0 = Data(String(decoding: $0, as: UTF8.self).replacing("\"program\":\"", with: "\"program\":\"0").utf8) }
            ) {
                let found = try differences()
                #expect(found.map { $0["thing"] as? String } == ["program", nil])
            }
            try changing(
                work, "runs/a/config.yaml",
                { $0 = Data(String(decoding: $0, as: UTF8.self).replacing("epochs: 2", with: "epochs: 1").utf8) }
            ) {
                let found = try differences()
                #expect(found.first?["thing"] as? String == "config")
            }
            try FileManager.default.removeItem(atPath: work.path("runs/a/receipt.json"))
            #expect(
                try work.graft("reproduce", "runs/a", expecting: 65).errors.contains("leaves its receipt when it is finished"))
        }
    }
}
