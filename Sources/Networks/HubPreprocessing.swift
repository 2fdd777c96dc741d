// timm's and transformers' words for how pixels are prepared, as Graft's.
import Tensors

/// Translates them; what has no translation becomes a warning.
enum HubPreprocessing {
    typealias Result = (preprocessing: Preprocessing?, warnings: [String])

    /// timm's `pretrained_cfg`, for evaluation at the size of training, as `timm.data.create_transform` does.
    static func timm(_ config: HubJSON) -> Result {
        var warnings: [String] = []
        let size = config.integers("input_size") ?? [3, 224, 224]
        guard size.count == 3, size[1] == size[2], size[1] > 0 else { return (nil, ["timm's images are not square"]) }
        let share = config.number("crop_pct") ?? 0.875
        guard share > 0, share <= 1 else { return (nil, ["timm's crop_pct is \(share)"]) }
        let mode = config.text("crop_mode") ?? "center"
        if mode != "center" { warnings.append("timm's crop_mode is '\(mode)', where Graft crops the centre") }
        let filter = config.text("interpolation") ?? "bilinear"
        if Preprocessing.Interpolation(rawValue: filter) == nil, filter != "random" {
            warnings.append("timm resizes by '\(filter)', Graft by bicubic interpolation")
        }
        // As Python's floor, in the same arithmetic.
        let resize = Int((Double(size[1]) / share).rounded(.down))
        let interpolation = Preprocessing.Interpolation(rawValue: filter) ?? (filter == "random" ? .bilinear : .bicubic)
        return (
            normalized(
                Preprocessing.imageNet(resize: resize, crop: size[1], interpolation: interpolation), config.numbers("mean"),
                config.numbers("std")), warnings
        )
    }

    /// transformers' `preprocessor_config.json`, of the processors that its convolutional networks have.
    static func transformers(_ config: HubJSON) -> Result {
        var warnings: [String] = []
        let kind = config.text("image_processor_type") ?? config.text("feature_extractor_type") ?? ""
        let size = config.object("size")
        let edge = size?.number("shortest_edge") ?? config.number("size") ?? size?.number("height") ?? 224
        var (resize, crop) = (edge, edge)
        let isSquashed: Bool
        if kind.hasPrefix("ConvNext") {
            isSquashed = edge >= 384
            if !isSquashed { resize = (edge / (config.number("crop_pct") ?? 0.875)).rounded(.down) }
        } else {
            isSquashed = size?.number("shortest_edge") == nil
            if config.flag("do_center_crop") ?? !isSquashed {
                crop = config.object("crop_size")?.number("height") ?? config.number("crop_size") ?? edge
            }
        }
        if isSquashed { warnings.append("transformers squashes photographs to a square, where Graft crops the centre") }
        guard config.flag("do_resize") != false, crop > 0, crop <= resize, resize <= 65_536 else {
            return (nil, ["transformers' processor resizes in a way that Graft does not (\(resize) to \(crop) pixels)"])
        }
        let filter = Int(config.number("resample") ?? 2)
        if filter != 2, filter != 3 { warnings.append("transformers resizes with Pillow's filter \(filter), Graft bilinearly") }
        let interpolation = filter == 3 ? Preprocessing.Interpolation.bicubic : .bilinear
        var result = Preprocessing.imageNet(resize: Int(resize), crop: Int(crop), interpolation: interpolation)
        var (mean, deviation) = (config.numbers("image_mean"), config.numbers("image_std"))
        if config.flag("do_normalize") == false { (mean, deviation) = ([0, 0, 0], [1, 1, 1]) }
        if kind.hasPrefix("EfficientNet"), config.flag("include_top") ?? true {
            // Its processor divides by the deviation once more, to make up for Keras's weights.
            deviation = deviation?.map { $0 * $0 }
        }
        result = normalized(result, mean, deviation)
        if config.flag("do_rescale") == false {
            (result.mean, result.deviation) = (result.mean.map { $0 / 255 }, result.deviation.map { $0 / 255 })
        } else if config.flag("rescale_offset") == true {
            warnings.append("transformers brings pixels to -1…1 before it normalises them, which Graft does not")
        }
        return (result, warnings)
    }

    /// With mean and deviation on the scale 0…1, where both are of three channels.
    private static func normalized(_ base: Preprocessing, _ mean: [Double]?, _ deviation: [Double]?) -> Preprocessing {
        var result = base
        if let mean, mean.count == 3 { result.mean = mean.map { Float($0) * 255 } }
        if let deviation, deviation.count == 3 { result.deviation = deviation.map { Float($0) * 255 } }
        return result
    }
}
