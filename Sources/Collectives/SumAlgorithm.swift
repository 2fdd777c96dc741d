// By which way gradient sums travel between ranks.

/// A way to sum over ranks. Each gives all ranks the same bits, and the same bits again for the same ranks and cuts; two ways agree
/// to float32 rounding.
package enum SumAlgorithm: String, Sendable, CaseIterable, Codable {
    /// Piece by piece around the ring of all ranks, over messages.
    case ring
    /// Ranks of a host sum in memory that they share; between hosts, a ring among ranks of the same place on each.
    case sharedMemory = "shared_memory"
    /// The message-passing library's own `MPI_Iallreduce`.
    case library = "mpi"

    /// The best for ranks on these hosts, by rank: shared memory where any host has several ranks, else the ring.
    ///
    /// A rule, not a measurement, so that the same launch always sums in the same order. `graft bench --suite collectives` shows
    /// what each way would give; the library's never came first where it was tried.
    package static func preferred(hosts: [String]) -> SumAlgorithm {
        Set(hosts).count < hosts.count ? .sharedMemory : .ring
    }
}
