// The wish to stop, from a signal handler or a scheduler; the loop hears it between updates.
import Synchronization

/// A flag that any thread may raise. Ranks add their flags up in every step, so that all stop after the same one.
package final class StopFlag: Sendable {
    private let raised = Atomic<Bool>(false)
    private let poll: @Sendable () -> Bool

    /// - Parameter poll: asked besides the flag, for wishes that cannot raise it themselves, such as a signal handler's.
    package init(poll: @escaping @Sendable () -> Bool = { false }) { self.poll = poll }

    package func request() { raised.store(true, ordering: .relaxed) }
    package var isRequested: Bool { raised.load(ordering: .relaxed) || poll() }

    /// Between two parts of the start, where there is nothing to save: every rank calls it.
    ///
    /// Throws `StoppedEarly`, on all ranks alike, if any of them was asked to stop.
    package func check(_ communicator: any Communicator) throws {
        if try communicator.sum([isRequested ? 1 : 0])[0] > 0 { throw StoppedEarly() }
    }
}

/// A rank was asked to stop before the first update: all end in good order, and nothing is to be saved.
package struct StoppedEarly: Error {
    package init() {}
}
