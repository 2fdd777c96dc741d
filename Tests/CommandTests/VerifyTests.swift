// `graft verify`: what is planted is found, the most important first, and by any number of ranks.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct VerifyTests {
        private func findings(_ text: String) throws -> [[String: Any]] {
            try text.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        }

        @Test func copiesAndDamageAreFound() throws {
            let work = try Workplace(images: 2)
            let files = FileManager.default
            try files.copyItem(atPath: work.path("data/train/ant/ant-0.png"), toPath: work.path("data/validation/ant/copy.jpeg"))
            try files.copyItem(atPath: work.path("data/train/bee/bee-0.png"), toPath: work.path("data/train/ant/stray.png"))
            try work.write("no picture", to: "data/train/bee/text.png")
            let text = try work.graft(["verify", "data", "--json"]).output
            let found = try findings(text)
            #expect(found[0]["kind"] as? String == "duplicate" && found[0]["splits"] as? [String] == ["train", "validation"])
            #expect(found[0]["paths"] as? [String] == ["train/ant/ant-0.png", "validation/ant/copy.jpeg"])
            #expect(found.contains { $0["kind"] as? String == "duplicate" && $0["labels"] as? [String] == ["ant", "bee"] })
            let unreadable = try #require(found.first { $0["kind"] as? String == "unreadable" })
            #expect(unreadable["paths"] as? [String] == ["train/bee/text.png"])
            #expect(found.contains { ($0["reason"] as? String)?.contains("its name says .jpeg, and it is a .png") == true })
            #expect(try work.graft(["verify", "data", "--json"], ranks: 3).output == text)
            #expect(try work.graft(["verify", "data", "--strict"], expecting: 65).output.contains("findings"))
            let config = ["config.yaml", "--set", "data.unreadable_limit=0.5"]
            try work.graft(["verify"] + config + ["--pixels-only", "--csv", "bad.csv", "--report", "look.html"])
            let list = String(decoding: try work.contents("bad.csv"), as: UTF8.self)
            #expect(list.contains("text.png,unreadable") && list.hasPrefix("file,kind,label"))
            #expect(String(decoding: try work.contents("look.html"), as: UTF8.self).contains("data:image/jpeg;base64,"))
            // The list is one that training takes.
            let end = try work.train("rest", ["data.exclude=bad.csv"])
            #expect(end.errors.contains("as bad.csv says"), "\(end.errors)")
        }

        @Test func aConfigsNetworkLooksAtLabels() throws {
            let work = try Workplace(images: 6)
            let config = ["verify", "config.yaml", "--json"]
            let one = try findings(try work.graft(config).output)
            #expect(one.allSatisfy { $0["kind"] as? String != "suspect_label" || $0["looks_like"] != nil })
            #expect(try findings(try work.graft(config, ranks: 2).output).count >= 0)
            #expect(try work.graft(["verify", "nowhere"], expecting: 65).errors.contains("nowhere"))
            #expect(
                try work.graft(["verify", "data/train", "--set", "run.seed=1"], expecting: 65).errors.contains("is a folder"))
            let loose = try work.graft(["verify", "data/train/ant"]).output
            #expect(loose.contains("6 images in data/train/ant"))
        }
    }
}
