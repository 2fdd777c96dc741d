// What the tests of this target share: reading fixtures, comparing pixels, folders that vanish.
import Foundation
import Testing

@testable import ImageData

/// Files beside these tests, made by `Fixtures/make_fixtures.py`.
enum Fixture {
    static func path(_ name: String) -> String {
        Bundle.module.resourceURL!.appendingPathComponent("Fixtures").appendingPathComponent(name).path
    }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path(name)))) }

    /// The entries of a list of cases.
    static func list<Case: Decodable>(_ name: String) throws -> [Case] {
        try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    static func image(_ name: String, width: Int, height: Int) throws -> PixelImage {
        PixelImage(width: width, height: height, pixels: try bytes(name))
    }

    /// The drawing that resampling and transforms work on.
    static func source() throws -> PixelImage { try image("source.rgb", width: 67, height: 47) }
}

/// The largest difference of two images' levels; 255 if their sizes differ.
func largestDifference(_ first: PixelImage, _ second: PixelImage) -> Int {
    guard first.width == second.width, first.height == second.height else { return 255 }
    return zip(first.pixels, second.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// A folder for one test, removed when it goes out of use.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("images-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and the folders above it; returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file.path
    }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
    }
}

extension Orientation {
    /// An image turned upright.
    func turned(_ image: PixelImage) -> PixelImage {
        image.withView { view in
            let room = PixelBuffer()
            return withExtendedLifetime(room) { PixelImage(apply(to: view, into: room.reserve(image.pixels.count))) }
        }
    }
}
