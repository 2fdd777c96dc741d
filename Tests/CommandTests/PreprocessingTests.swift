// What the config overrides of the preparation of pixels is told, and goes with the trained weights.
import Foundation
import TestSupport
import Testing
import WeightFiles

extension CommandTests {
    @Suite(.serialized) struct PreprocessingTests {
        @Test func overridesAreToldAndKept() throws {
            let work = try Workplace(images: 4)
            let settings = ["network.preprocessing={resize: 100, crop: 96, channel_order: bgr, mean: [1, 2, 3]}"]
            let launch = try work.train("own", settings)
            #expect(
                launch.errors.contains(
                    "warning: network.preprocessing overrides what the weights expect: resize 100 instead of 256, "
                        + "crop 96 instead of 224, channel order bgr instead of rgb, mean [1.0, 2.0, 3.0] instead of [123.675"),
                "\(launch.errors)")
            let model = try work.newest("own")
            let kept = try #require(try WeightFile.open(work.path(model)).metadata["preprocessing"])
            for part in [#""resize":100"#, #""crop":96"#, #""channelOrder":"bgr""#, #""mean":[1,2,3]"#] {
                #expect(kept.contains(part), "\(kept)")
            }
            _ = try work.graft("evaluate", "runs/own")
            // Said again of weights that expect just that, there is nothing to warn of.
            let again = try work.train("again", settings + ["network.weights=\(model)"])
            #expect(!again.errors.contains("network.preprocessing"))
        }
    }
}
