// Looking through a whole folder for files that cannot be read, before a run meets them.
internal import Foundation
internal import Synchronization

/// What a look through a folder found.
package struct FolderVerification: Sendable, Hashable {
    package var images = 0
    /// The files that cannot be read, in the order of the samples.
    package var unreadable: [UnreadableSample] = []
    /// The files that can be read although something in them is odd, in the order of the samples.
    package var odd: [String] = []
}

extension ImageFolder {
    /// Decodes every image with `threads` threads and tells which cannot be read.
    package func verify(threads: Int) -> FolderVerification {
        precondition(threads > 0, "at least one thread reads the images")
        let progress = Mutex((next: 0, found: FolderVerification()))
        let done = DispatchSemaphore(value: 0)
        let walk: @Sendable () -> Void = {
            let decoder = ImageDecoder()
            while true {
                let sample = progress.withLock { state in
                    defer { state.next += 1 }
                    return state.next
                }
                guard sample < samples.count else { break }
                let before = decoder.warnings
                var failure: ImageError?
                do throws(ImageError) { _ = try decoder.view(ofFile: part(of: samples[sample])) } catch { failure = error }
                let isOdd = decoder.warnings > before
                progress.withLock { state in
                    if isOdd { state.found.odd.append(samples[sample].path) }
                    guard let failure else { return }
                    state.found.unreadable.append(
                        UnreadableSample(sample: sample, path: samples[sample].path, reason: "\(failure.reason)"))
                }
            }
            done.signal()
        }
        for _ in 1..<threads { Thread(block: walk).start() }
        walk()
        for _ in 0..<threads { done.wait() }
        var result = progress.withLock { $0.found }
        result.images = samples.count
        result.unreadable.sort { $0.sample < $1.sample }
        result.odd.sort(by: bytewise)
        return result
    }
}
