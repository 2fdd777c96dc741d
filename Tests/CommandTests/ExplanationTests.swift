// `graft predict --explain`, and what is told of photographs that are like none that the network knows.
import Foundation
import ImageData
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized)
    struct ExplanationTests {
        private func objects(_ text: String) throws -> [[String: Any]] {
            try text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        }

        @Test func photographsAreExplained() throws {
            let work = try Workplace()
            try work.train("a")
            let file = "data/train/ant/ant-0.png"
            let told = try objects(try work.graft("predict", "--run", "runs/a", "--json", "--explain", "why.png", file).output)
            #expect(told.first?["explanation"] as? String == "why.png")
            let picture = try ImageDecoder().decode(path: work.path("why.png"))
            #expect(picture.width == 2 * picture.height)
            #expect(
                try work.graft("predict", "--run", "runs/a", "--explain", "b.png", file).output.contains("explained in b.png"))
            #expect(try work.contents("b.png") == work.contents("why.png"))
            // Another layer, class and way to weigh. The likeliest of two depends on last digits: no photograph was learnt here.
            let likeliest = try #require((told.first?["top"] as? [[String: Any]])?.first?["class"] as? String)
            let other = likeliest == "ant" ? "bee" : "ant"
            for options in [["--explain-layer", "stage3.1"], ["--explain-class", other], ["--explain-method", "layercam"]] {
                try work.graft(["predict", "--run", "runs/a", "--explain", "other.png", file] + options)
                #expect(try work.contents("other.png") != work.contents("why.png"), "\(options)")
            }
            // Files of one name in different folders.
            try work.write("", to: "more/x")
            try FileManager.default.removeItem(atPath: work.path("more/x"))
            try work.contents(file).write(to: URL(fileURLWithPath: work.path("more/ant-0.png")))
            try work.graft("predict", "--run", "runs/a", "--explain", "maps", file, "data/train/bee/bee-0.png", "more")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: work.path("maps")).sorted() == [
                    "ant-0-2.png", "ant-0.png", "bee-0.png",
                ])
            #expect(try work.contents("maps/ant-0.png") == work.contents("why.png"))
            let mistakes: [([String], Int32, String)] = [
                (["--explain", "one.png", "data/train/bee/bee-0.png"], 65, "name a folder"),
                (["--explain", "one.png", "--explain-layer", "layer9"], 65, "--explain-layer: 'layer9' matches no layer"),
                (["--explain", "one.png", "--explain-class", "bees"], 65, "the nearest names are bee"),
                (["--explain-layer", "conv5"], 64, "--explain says where to"),
            ]
            for (options, status, words) in mistakes {
                let launch = try work.graft(["predict", "--run", "runs/a", file] + options, expecting: status)
                #expect(launch.errors.contains(words), "\(launch.errors)")
            }
        }

        @Test func photographsUnlikeTheKnownOnesAreRejected() throws {
            let work = try Workplace(images: 32)
            try work.train("a", ["network.architecture=efficientnet_lite0", "network.preprocessing={resize: 256, crop: 224}"])
            #expect(work.has(try work.newest("a", "familiarity.safetensors")))
            var random = SystemRandomNumberGenerator()
            let noise = PixelImage(width: 96, height: 96, pixels: (0..<96 * 96 * 3).map { _ in random.next() & 1 == 0 ? 0 : 255 })
            try Data(try #require(noise.png)).write(to: URL(fileURLWithPath: work.path("noise.png")))
            let options = ["predict", "--run", "runs/a", "--json", "--reject", "0.01"]
            let other = try objects(try work.graft(options + ["noise.png"]).output)[0]
            #expect(other["rejected"] as? Bool == true && other["reason"] as? String == "unlike_training")
            let known = try objects(try work.graft(options + ["data/validation"]).output)
            #expect(known.count == 48 && known.count { $0["rejected"] as? Bool == true } <= 4)
            let all = try objects(try work.graft(options + ["--reject-unlike", "0", "noise.png"]).output)[0]
            #expect(all["rejected"] as? Bool == false)
            let fewer = try Workplace()
            try fewer.train("a")
            #expect(try fewer.graft(options + ["data/validation"]).errors.contains("too few were validated"))
        }
    }
}
