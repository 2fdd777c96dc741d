// What a Keras model says of layers without weights. The configurations are cut down to what is read.
import Tensors
import Testing

@testable import Networks

@Suite struct KerasModelTests {
    private func model(_ layers: String...) throws -> KerasModel {
        // Keras nests the network as a layer of the model around it.
        let inner =
            #"{"class_name": "Functional", "config": {"name": "resnet50", "layers": [{"class_name": "Conv2D", "config": {"name": "c"}}]}}"#
        return try #require(
            KerasModel(
                config:
                    "{\"class_name\": \"Functional\", \"config\": {\"name\": \"m\", \"layers\": [\((layers + [inner]).joined(separator: ", "))]}}"
            ))
    }

    private static func layer(_ kind: String, _ more: String = "") -> String {
        "{\"class_name\": \"\(kind)\", \"config\": {\"name\": \"mine\"\(more.isEmpty ? "" : ", \(more)")}}"
    }

    /// x / 127.5 − 1 of RGB, as (x − 127.5) / 127.5.
    @Test func scalingBecomesThePreparationOfPixels() throws {
        let model = try model(Self.layer("Rescaling", "\"scale\": 0.00784313725490196, \"offset\": -1.0"))
        let found = try #require(model.preprocessing(.kerasCaffe, family: .resNet))
        #expect(zip(found.mean + found.deviation, repeatElement(Float(127.5), count: 6)).allSatisfy { abs($0 - $1) < 1e-3 })
        #expect(found.channelOrder == .rgb && found.crop == 224)
        #expect(model.refusal(for: .resNet, usesHead: true) == nil)
        #expect(try self.model().preprocessing(.kerasCaffe, family: .resNet) == nil)
    }

    /// EfficientNets bring 1 / 255, a normalisation, and the published ones a factor for each channel.
    @Test func whatEfficientNetsBringIsTheirOwn() throws {
        let own = [
            Self.layer("Rescaling", "\"scale\": 0.00392156862745098, \"offset\": 0.0"), Self.layer("Normalization"),
            Self.layer("Rescaling", "\"scale\": [2.09, 2.11, 2.10], \"offset\": 0.0"),
        ]
        let model = try model(own[0], own[1], own[2])
        #expect(model.refusal(for: .efficientNet, usesHead: true) == nil)
        #expect(model.preprocessing(.imageNet(), family: .efficientNet) == nil)
        // Once more in front of it changes what its weights see.
        let twice = try self.model(own[0], own[0], own[1])
        #expect(twice.refusal(for: .efficientNet, usesHead: true)?.contains("scales pixels more than once") == true)
    }

    @Test(arguments: [
        ("Lambda", "'mine' (Lambda)"), ("TFOpLambda", "'mine' (TFOpLambda)"), ("Normalization", "normalises pixels"),
        ("GlobalMaxPooling2D", "GlobalMaxPooling2D"),
    ]) func whatChangesTheResultIsRefusedByName(_ kind: String, _ reason: String) throws {
        #expect(try model(Self.layer(kind)).refusal(for: .resNet, usesHead: true)?.contains(reason) == true)
    }

    @Test(arguments: ["RandomFlip", "Dropout", "InputLayer", "GlobalAveragePooling2D", "GlobalMaxPooling2D"])
    func whatDoesNotMatterIsPassedOver(_ kind: String) throws {
        #expect(try model(Self.layer(kind)).refusal(for: .resNet, usesHead: false) == nil)
    }

    @Test(arguments: ["", "{", "[]", "{\"a\": 1}", "null"]) func whatIsNoModelIsNone(_ text: String) {
        #expect(KerasModel(config: text) == nil)
    }
}
