// Work that waits for a file system: on a slow one a million looks at files take an hour one after the other.
internal import Foundation
internal import Synchronization

package enum WaitingWork {
    /// How many pieces are at work at once, whatever the number of cores: a file server answers as many.
    package static let width = 16

    /// The results of `body` for every number below `count`, in their order; several are made at once.
    package static func map<Result: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Result) -> [Result] {
        guard count > 1 else { return (0..<count).map(body) }
        let board = Board<Result>(count)
        let helpers = DispatchGroup()
        for _ in 1..<min(width, count) {
            helpers.enter()
            Thread {
                board.work(body)
                helpers.leave()
            }.start()
        }
        board.work(body)
        helpers.wait()
        return board.results.withLock { $0.compactMap { $0 } }
    }

    /// What `body` makes of stretches of `0..<count`, which together are all of it, in their order; several are made at once.
    package static func inStretches<Result: Sendable>(
        of count: Int, _ body: @escaping @Sendable (Range<Int>) -> [Result]
    ) -> [Result] {
        let stretches = min(4 * width, max(1, count / 64))
        return map(stretches) { body(count * $0 / stretches..<count * ($0 + 1) / stretches) }.flatMap { $0 }
    }

    /// What is to be done, and what is.
    private final class Board<Result: Sendable>: Sendable {
        let results: Mutex<[Result?]>
        private let next = Atomic<Int>(0)
        private let count: Int

        init(_ count: Int) {
            self.count = count
            results = Mutex(Array(repeating: nil, count: count))
        }

        func work(_ body: (Int) -> Result) {
            while case let number = next.add(1, ordering: .relaxed).oldValue, number < count {
                let result = body(number)
                results.withLock { $0[number] = result }
            }
        }
    }
}
