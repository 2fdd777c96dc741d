// Which view of an image training sees. Choosing a view is a pure function of random numbers; ImagePreparer makes it.
internal import Foundation
package import Tensors

/// One way of looking at an image: everything that chance has decided about it.
package struct AugmentedView: Sendable, Hashable {
    /// The part of the (upright) image that fills the crop; nil stands for evaluation's resize and centre crop.
    package var region: PixelRegion?
    /// Where in the resized image evaluation's crop lies.
    package var corner = Corner.centre
    /// Whether left and right change places.
    package var mirrored = false
    /// Changes of the crop's pixels, in the order in which they are made.
    package var operations: [PixelOperation] = []
    /// The part of the crop that is wiped out.
    package var erased: PixelRegion?

    /// A place of the crop in the resized image.
    package enum Corner: Sendable, Hashable, CaseIterable {
        case topLeft, topRight, bottomLeft, bottomRight, centre
    }

    /// The image as evaluation sees it.
    package static let evaluation = AugmentedView()
}

extension AugmentedView {
    /// One of several views with which evaluation sees an image, counted from 0.
    init(_ views: EvaluationViews, number: Int) {
        self.init()
        switch views {
        case .one: break
        case .flip: mirrored = number == 1
        case .five, .ten: (corner, mirrored) = (Corner.allCases[number % 5], number >= 5)
        }
    }
}

/// How training images are varied, or from how many sides evaluation sees images.
///
/// Algorithms and parameters are torchvision's: `RandomResizedCrop`, `RandomHorizontalFlip`, `RandomVerticalFlip`, `RandomAffine`,
/// `TrivialAugmentWide` or `RandAugment`, `ColorJitter`, `RandomGrayscale`, `GaussianBlur`, `RandomAdjustSharpness`,
/// `RandomPosterize`, `RandomSolarize`, `RandomEqualize`, `RandomAutocontrast` and `RandomErasing`.
package struct Augmentation: Sendable, Hashable {
    /// Whether a random part of the image is cut out and resized to the crop; otherwise evaluation's resize and centre crop.
    package var randomCrop = false
    /// The part's share of the image's area.
    package var cropScale: ClosedRange<Float> = 0.35...1
    /// The part's width over height.
    package var cropAspect: ClosedRange<Float> = 3.0 / 4.0...4.0 / 3.0
    package var mirrorProbability: Float = 0
    /// The probability that up and down change places.
    package var flipProbability: Float = 0
    /// Turns lie within ± this, in degrees.
    package var rotation: Float = 0
    /// Moves along both axes lie within ± this share of the side.
    package var translation: Float = 0
    package var scale: ClosedRange<Float> = 1...1
    /// Shears along both axes lie within ± this, in degrees.
    package var shear: Float = 0
    package var policy: AugmentationPolicy?
    /// Factors lie within 1 ± these; 0 leaves the property alone.
    package var brightness: Float = 0
    package var contrast: Float = 0
    package var saturation: Float = 0
    /// Turns of the colour circle lie within ± this, at most 0.5.
    package var hue: Float = 0
    package var grayscaleProbability: Float = 0
    /// Of Gauss's filter, with a deviation of 0.1 to 2 pixels.
    package var blurProbability: Float = 0
    /// Of doubled sharpness.
    package var sharpnessProbability: Float = 0
    /// Of levels of 4 bits.
    package var posterizeProbability: Float = 0
    /// Of levels from 128 on turned round.
    package var solarizeProbability: Float = 0
    package var equalizeProbability: Float = 0
    package var autocontrastProbability: Float = 0
    package var erasingProbability: Float = 0
    /// The erased part's share of the crop's area, and its height over width.
    package var erasingScale: ClosedRange<Float> = 0.02...0.33
    package var erasingAspect: ClosedRange<Float> = 0.3...3.3

    /// Instead of all of this: epoch e sees view e of these.
    package var evaluationViews = EvaluationViews.one

    package init() {}

    /// The images as evaluation sees them from several sides.
    package init(_ views: EvaluationViews) { evaluationViews = views }

    /// The images as evaluation sees them.
    package static let none = Augmentation()

    /// Random resized crop and horizontal flip.
    package static let standard: Augmentation = {
        var augmentation = Augmentation()
        augmentation.randomCrop = true
        augmentation.mirrorProbability = 0.5
        return augmentation
    }()

    /// Chooses the view of one image. A pure function: the same arguments give the same view.
    ///
    /// - Parameters:
    ///   - width, height: the size of the upright image, in pixels.
    ///   - side: the side of the crop, in pixels.
    package func view(width: Int, height: Int, side: Int, seed: UInt64, epoch: Int, index: Int) -> AugmentedView {
        var view = AugmentedView()
        if self == .none { return view }
        if evaluationViews != .one { return AugmentedView(evaluationViews, number: epoch % evaluationViews.count) }
        var random = CounterRandom(seed: seed, epoch: epoch, index: index, purpose: .augmentation)
        if randomCrop { view.region = crop(width, height, &random) }
        view.mirrored = random.uniform() < mirrorProbability
        view.operations = moves(side, &random) + (policy?.operations(side: side, &random) ?? [])
        view.operations += colourAdjustments(&random).map(PixelOperation.colour) + filters(&random)
        if random.uniform() < erasingProbability { view.erased = erasure(side, &random) }
        return view
    }

    private func crop(_ width: Int, _ height: Int, _ random: inout CounterRandom) -> PixelRegion {
        let area = Double(width * height)
        for _ in 0..<10 {
            let target = area * Double(random.uniform(cropScale.lowerBound, cropScale.upperBound))
            let aspect = Self.logUniform(cropAspect, &random)
            let part = (width: Self.rounded((target * aspect).squareRoot()), height: Self.rounded((target / aspect).squareRoot()))
            if part.width > 0, part.width <= width, part.height > 0, part.height <= height {
                let top = random.below(height - part.height + 1)
                let left = random.below(width - part.width + 1)
                return PixelRegion(left: left, top: top, width: part.width, height: part.height)
            }
        }
        // Images of extreme shape: the largest central part of a permitted one.
        let shape = Double(width) / Double(height)
        var part = (width: width, height: height)
        if shape < Double(cropAspect.lowerBound) {
            part.height = min(height, max(1, Self.rounded(Double(width) / Double(cropAspect.lowerBound))))
        } else if shape > Double(cropAspect.upperBound) {
            part.width = min(width, max(1, Self.rounded(Double(height) * Double(cropAspect.upperBound))))
        }
        return PixelRegion(
            left: (width - part.width) / 2, top: (height - part.height) / 2, width: part.width, height: part.height)
    }

    /// Draws for what is asked for alone, so that it leaves the draws of all else as they are.
    private func moves(_ side: Int, _ random: inout CounterRandom) -> [PixelOperation] {
        var moves: [PixelOperation] = []
        if flipProbability > 0, random.uniform() < flipProbability { moves.append(.flip) }
        guard rotation > 0 || translation > 0 || shear > 0 || scale != 1...1 else { return moves }
        func within(_ reach: Float) -> Double { Double(random.uniform(-reach, reach)) }
        let (length, middle) = (Double(side), Double(side) / 2)
        let turn = within(rotation)
        let translation = ((within(translation) * length).rounded(), (within(translation) * length).rounded())
        let scale = Double(random.uniform(scale.lowerBound, scale.upperBound))
        let shear = (within(shear), within(shear))
        let map = AffineMap(degrees: turn, translation: translation, scale: scale, shear: shear, center: (middle, middle))
        return moves + [.move(map, smooth: true)]
    }

    private func filters(_ random: inout CounterRandom) -> [PixelOperation] {
        var filters: [PixelOperation] = []
        func add(_ probability: Float, _ operation: @autoclosure () -> PixelOperation) {
            if probability > 0, random.uniform() < probability { filters.append(operation()) }
        }
        add(grayscaleProbability, .grayscale)
        if blurProbability > 0, random.uniform() < blurProbability { filters.append(.blur(sigma: random.uniform(0.1, 2))) }
        add(sharpnessProbability, .sharpness(2))
        add(posterizeProbability, .posterize(bits: 4))
        add(solarizeProbability, .solarize(threshold: 128))
        add(equalizeProbability, .equalize)
        add(autocontrastProbability, .autocontrast)
        return filters
    }

    private func colourAdjustments(_ random: inout CounterRandom) -> [ColourAdjustment] {
        guard brightness > 0 || contrast > 0 || saturation > 0 || hue > 0 else { return [] }
        func factor(_ range: Float) -> Float { random.uniform(max(0, 1 - range), 1 + range) }
        var adjustments: [ColourAdjustment] = []
        if brightness > 0 { adjustments.append(.brightness(factor(brightness))) }
        if contrast > 0 { adjustments.append(.contrast(factor(contrast))) }
        if saturation > 0 { adjustments.append(.saturation(factor(saturation))) }
        if hue > 0 { adjustments.append(.hue(random.uniform(-hue, hue))) }
        for last in stride(from: adjustments.count - 1, to: 0, by: -1) { adjustments.swapAt(last, random.below(last + 1)) }
        return adjustments
    }

    private func erasure(_ side: Int, _ random: inout CounterRandom) -> PixelRegion? {
        for _ in 0..<10 {
            let area = Double(side * side) * Double(random.uniform(erasingScale.lowerBound, erasingScale.upperBound))
            let aspect = Self.logUniform(erasingAspect, &random)
            let height = Self.rounded((area * aspect).squareRoot())
            let width = Self.rounded((area / aspect).squareRoot())
            if height < side, width < side {
                let top = random.below(side - height + 1)
                return PixelRegion(left: random.below(side - width + 1), top: top, width: width, height: height)
            }
        }
        return nil
    }

    private static func logUniform(_ range: ClosedRange<Float>, _ random: inout CounterRandom) -> Double {
        exp(Double(random.uniform(log(range.lowerBound), log(range.upperBound))))
    }

    private static func rounded(_ value: Double) -> Int { Int(value.rounded(.toNearestOrEven)) }
}
