// Choosing views: reproducible, within bounds, and distributed as asked.
import Tensors
import Testing

@testable import ImageData

struct AugmentationTests {
    @Test func noneIsEvaluation() {
        #expect(Augmentation.none.view(width: 40, height: 30, side: 8, seed: 1, epoch: 2, index: 3) == .evaluation)
    }

    @Test func viewsDependOnTheKeyAlone() {
        let augmentation = Augmentation.standard
        func view(_ seed: UInt64, _ epoch: Int, _ index: Int) -> AugmentedView {
            augmentation.view(width: 500, height: 375, side: 224, seed: seed, epoch: epoch, index: index)
        }
        #expect(view(1, 2, 3) == view(1, 2, 3))
        #expect(Set([view(1, 2, 3), view(2, 2, 3), view(1, 3, 3), view(1, 2, 4)]).count == 4)
    }

    @Test(arguments: [(500, 375), (375, 500), (1, 1), (3, 900), (900, 3), (224, 224)])
    func cropsLieWithinTheImage(_ size: (width: Int, height: Int)) throws {
        let augmentation = Augmentation.standard
        for index in 0..<500 {
            let view = augmentation.view(width: size.width, height: size.height, side: 224, seed: 7, epoch: 0, index: index)
            let region = try #require(view.region)
            #expect(region.left >= 0 && region.left + region.width <= size.width && region.width > 0)
            #expect(region.top >= 0 && region.top + region.height <= size.height && region.height > 0)
        }
    }

    @Test func cropsHaveTheAreaAndShapeAskedFor() throws {
        let augmentation = Augmentation.standard
        var (areas, mirrored, logShapes): (Float, Int, Float) = (0, 0, 0)
        let count = 4000
        for index in 0..<count {
            let view = augmentation.view(width: 600, height: 600, side: 224, seed: 7, epoch: 1, index: index)
            let region = try #require(view.region)
            let area = Float(region.width * region.height) / 360_000
            let shape = Float(region.width) / Float(region.height)
            #expect(area > 0.34 && area < 1.01 && shape > 0.74 && shape < 1.35)
            areas += area
            logShapes += shape > 1 ? 1 : -1
            if view.mirrored { mirrored += 1 }
        }
        #expect(abs(areas / Float(count) - 0.614) < 0.015)  // torchvision: large areas of odd shape do not fit
        #expect(abs(Float(mirrored) / Float(count) - 0.5) < 0.03)
        #expect(abs(logShapes / Float(count)) < 0.05)
    }

    @Test func everythingOnStaysWithinItsRanges() throws {
        var augmentation = Augmentation.standard
        (augmentation.brightness, augmentation.contrast, augmentation.saturation, augmentation.hue) = (0.4, 0.3, 0.2, 0.1)
        augmentation.erasingProbability = 0.25
        var erased = 0
        var firsts: Set<String> = []
        for index in 0..<400 {
            let view = augmentation.view(width: 50, height: 40, side: 32, seed: 3, epoch: 0, index: index)
            #expect(view.operations.count == 4)
            for operation in view.operations {
                switch operation {
                case .colour(.brightness(let factor)): #expect((0.6...1.4).contains(factor))
                case .colour(.contrast(let factor)): #expect((0.7...1.3).contains(factor))
                case .colour(.saturation(let factor)): #expect((0.8...1.2).contains(factor))
                case .colour(.hue(let turn)): #expect((-0.1...0.1).contains(turn))
                default: Issue.record("\(operation) was not asked for")
                }
            }
            if case .colour(let adjustment) = view.operations[0] { firsts.insert(String("\(adjustment)".prefix(3))) }
            if let region = view.erased {
                erased += 1
                #expect(
                    region.left >= 0 && region.left + region.width <= 32 && region.top >= 0 && region.top + region.height <= 32)
            }
        }
        #expect(firsts.count == 4)
        #expect((70...130).contains(erased))
    }
}
