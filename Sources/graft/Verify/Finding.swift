// What a look through a data set finds, one thing at a time.
import Foundation

/// A finding, as scripts get it.
struct Finding: Encodable {
    enum Kind: String, Encodable, CaseIterable {
        case unreadable, odd, duplicate
        case nearDuplicate = "near_duplicate"
        case suspectLabel = "suspect_label"
        case outlier, imbalance

        /// As a heading has it.
        var words: String {
            switch self {
            case .unreadable: "files that cannot be read"
            case .odd: "odd files"
            case .duplicate: "the same photograph twice"
            case .nearDuplicate: "nearly the same photograph"
            case .suspectLabel: "labels that are probably wrong"
            case .outlier: "photographs unlike all others"
            case .imbalance: "classes"
            }
        }
    }

    let kind: Kind
    /// Relative to the folder that was named.
    var paths: [String] = []
    var labels: [String] = []
    var splits: [String] = []
    /// Between 0 and 1: how sure.
    var score: Double?
    /// The class that a suspect looks like.
    var looksLike: String?
    /// In words, where there are some.
    var reason: String?
    /// The images, by index; for pages and lists.
    var images: [Int] = []

    private enum CodingKeys: String, CodingKey { case kind, paths, labels, splits, score, looksLike, reason }

    /// The same picture on both sides of a split, and under two labels.
    var isLeak: Bool { (kind == .duplicate || kind == .nearDuplicate) && Set(splits).count > 1 }
    var isContradiction: Bool { (kind == .duplicate || kind == .nearDuplicate) && Set(labels).count > 1 }

    /// What comes first: leaks, contradictions, what cannot be used, what is doubtful, what is odd.
    var rank: Int {
        if isLeak { return kind == .duplicate ? 0 : 1 }
        if isContradiction { return kind == .duplicate ? 2 : 3 }
        return switch kind {
        case .unreadable: 4
        case .suspectLabel: 5
        case .duplicate: 6
        case .nearDuplicate: 7
        case .odd: 8
        case .outlier: 9
        case .imbalance: 10
        }
    }

    /// Of a pair, the image that a list of those to leave out names: a training image rather than one that is evaluated, else the later.
    var dispensable: Int? {
        switch kind {
        case .unreadable, .suspectLabel: images.first
        case .duplicate, .nearDuplicate:
            zip(images, splits).filter { $0.1 == "train" }.last?.0 ?? images.last
        case .odd, .outlier, .imbalance: nil
        }
    }
}
