// The section `features`.
package import Tensors

extension RunConfiguration {
    /// What is kept of the frozen layers' work from one epoch to the next, and from one run to the next.
    package struct Features: Sendable, Equatable {
        /// Where the values at the boundary are kept.
        package var cache = FeatureCaching.auto
        /// Deterministic augmented views of each training image; epoch e sees view e mod views.
        package var views = 1
        /// The type in which they are kept.
        package var precision = FeaturePrecision.float32
        /// The folder of the cache on disk; nil for `.features` in `run.folder`.
        package var folder: String?
    }

    /// Where the values at the boundary are kept.
    package enum FeatureCaching: String, Sendable, CaseIterable {
        case auto
        /// In the memory of every rank, for one run.
        case memory
        /// In files, for later runs too.
        case disk
        case off
    }

    /// The type in which features are kept.
    package enum FeaturePrecision: String, Sendable, CaseIterable {
        /// As they were computed: nothing changes.
        case float32
        /// Half the room, 8 bits of precision.
        case bfloat16
        /// A quarter of the room: each value of each image in 255 equal steps.
        case int8

        package var type: ElementType {
            switch self {
            case .float32: .float32
            case .bfloat16: .bfloat16
            case .int8: .int8
            }
        }
    }
}

extension RunConfiguration.FeatureCaching: Choice {}
extension RunConfiguration.FeaturePrecision: Choice {}

extension RunConfiguration.Features: Section {
    static var keys: [Key<Self>] {
        [
            Key("cache", \.cache),
            Key("views", \.views, .from(1, to: 10_000)),
            Key("precision", \.precision),
            Key("folder", \.folder, .notEmpty),
        ]
    }
}
