// The folder of fixtures in this target's bundle.
import Foundation

enum FixtureFolder {
    /// Where the scripts' JSON files, the photograph and the class folders are.
    static var url: URL { Bundle.module.bundleURL.appending(path: "Fixtures") }
}
