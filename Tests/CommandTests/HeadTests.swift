// A head that comes with class names: kept, put into another order, or left behind.
import Foundation
import Tensors
import TestSupport
import Testing
import WeightFiles

extension CommandTests {
    @Suite(.serialized) struct HeadTests {
        /// SqueezeNet's scores are averages of what its head gives.
        static let networks = ["efficientnet_lite0", "squeezenet1_1"]
        private static let settings = ["data.validation=null", "training.batch_size=4"]

        /// Trains once, says that what was saved tells these classes apart, and begins a second run from it. Returns what that said, the
        /// head that it was given, and the one that it began with.
        private func again(_ network: String, _ classes: [String]?) throws -> (errors: String, given: [Float], began: [Float]) {
            let work = try Workplace(images: 4)
            let settings = Self.settings + ["network.architecture=\(network)"]
            try work.train("first", settings)
            let saved = try WeightFile.open(work.path(try work.newest("first")))
            var metadata = saved.metadata
            metadata["classes"] = try classes.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
            let tensors = saved.names.map { name -> SafetensorsWriter.Tensor in
                let values = (try? saved.floats(name)) ?? []
                let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
                _ = copy.initialize(from: values)
                return (name, .float32, saved.tensors[name]?.shape ?? [], UnsafeRawBufferPointer(copy))
            }
            try SafetensorsWriter.write(to: work.path("given.safetensors"), tensors: tensors, metadata: metadata)
            tensors.forEach { $0.3.deallocate() }
            // A rate of nothing: what is saved is what the run began with.
            let second = try work.train(
                "second", settings + ["network.weights=given.safetensors", "optimizer.learning_rate=1e-30"])
            let head = { try WeightFile.open(work.path($0)).floats("classifier.1.weight") }
            return (second.errors, try head("given.safetensors"), try head(try work.newest("second")))
        }

        @Test(arguments: networks) func theSameClassesKeepTheirHead(_ network: String) throws {
            let (errors, given, began) = try again(network, SampleImages.classes)
            #expect(given == began && !errors.contains("head"), "\(errors)")
        }

        @Test(arguments: networks) func anotherOrderMovesTheRows(_ network: String) throws {
            let (errors, given, began) = try again(network, ["cat", "ant", "bee"])
            let width = given.count / 3
            let rows = (0..<3).map { Array(given[$0 * width..<($0 + 1) * width]) }
            #expect(began == rows[1] + rows[2] + rows[0])
            #expect(
                errors.contains("the rows of the weight file's head are put into the order of the data's classes"), "\(errors)")
        }

        @Test(arguments: networks) func otherClassesStartAnew(_ network: String) throws {
            let (errors, given, began) = try again(network, ["adog", "ant", "zcat"])
            #expect(given != began)
            #expect(errors.contains("(it does not know bee, cat): the head starts anew"), "\(errors)")
            #expect(errors.contains("these layers start at random: classifier.1"))
        }

        @Test(arguments: networks) func aHeadWithoutNamesIsTakenWithAWord(_ network: String) throws {
            let (errors, given, began) = try again(network, nil)
            #expect(given == began)
            #expect(errors.contains("which names no classes") && errors.contains("network.fresh: [classifier.1]"), "\(errors)")
        }
    }
}
