// Sums by the message-passing library's own non-blocking all-reduce.
import CMPI

/// A few `MPI_Iallreduce` under way at once. It knows float32 only: nothing is rounded.
///
/// Values go from a copy: with `MPI_IN_PLACE` some releases of Open MPI give wrong sums (its issue 9385).
final class LibraryPipeline: SumPipeline {
    private static let slotCount = 8
    let pieceCount = 256 << 10
    private let group: MPIGroup
    private var orders = [Int?](repeating: nil, count: LibraryPipeline.slotCount)
    private let copies: UnsafeMutableBufferPointer<Float>
    /// MPI keeps writing here while sums are under way.
    private let requests = UnsafeMutableBufferPointer<MPI_Request?>.allocate(capacity: LibraryPipeline.slotCount)
    private let finished = UnsafeMutableBufferPointer<Int32>.allocate(capacity: LibraryPipeline.slotCount)
    private(set) var openSlots = 0

    init(group: MPIGroup) {
        self.group = group
        copies = .allocate(capacity: Self.slotCount * pieceCount)
        requests.initialize(repeating: graft_mpi_request_null())
        finished.initialize(repeating: 0)
    }

    deinit {
        copies.deallocate()
        requests.deallocate()
        finished.deallocate()
    }

    var isAlone: Bool { group.size == 1 }
    var hasRoom: Bool { openSlots < Self.slotCount }

    func launch(_ base: UnsafeMutablePointer<Float>, rest: UnsafeMutablePointer<Float>?, count: Int, order: Int) throws {
        guard let index = orders.firstIndex(of: nil), let copies = copies.baseAddress, let requests = requests.baseAddress else {
            preconditionFailure("a piece was launched without room")
        }
        rest?.update(repeating: 0, count: count)
        let copy = copies + index * pieceCount
        copy.update(from: base, count: count)
        orders[index] = order
        openSlots += 1
        try group.check(
            "MPI_Iallreduce",
            MPI_Iallreduce(
                copy, base, Int32(count), graft_mpi_float(), graft_mpi_sum(), group.handle, requests + index))
    }

    func advance(blocking: Bool, complete: (_ order: Int) -> Void) throws {
        for index in try group.completed(requests, blocking: blocking, into: finished) {
            guard let order = orders[Int(index)] else { continue }
            orders[Int(index)] = nil
            openSlots -= 1
            complete(order)
        }
    }

    func close() throws { try group.free() }
}
