// How gradient sums travel while the rank computes.

/// What moves started sums. The results are the same bits whichever is chosen.
///
/// Two ranks with one core each, on a busy machine, `mpirun -n 2 graft doctor --overlap …`; milliseconds of processor time
/// that one sum of 4 MB takes from computing, and the share of its time that computing hid:
///
/// | | shared memory | 1 Gbit/s, `deploy/rehearse-cluster.sh` |
/// |---|---|---|
/// | `thread` | 0.7 | 9, hid 100 % |
/// | `poked` | 1.5 | 6, hid 83 % |
/// | `none` | 2.8 | 14, hid nothing |
/// | a thread that blocks in `MPI_Allreduce` | 4.0 | 25, hid 1 %: it spins on the core that computes |
/// | `MPI_Iallreduce`, poked | 2.1 | 6, hid 73 % |
///
/// Hence `thread`, always: it needs no rule and, unlike `poked`, does not depend on how often computing pauses.
package enum Overlap: String, Sendable, CaseIterable {
    /// A helper thread looks after them every fraction of a millisecond, and sleeps in between; `progress()` moves them too.
    case thread
    /// `progress()` alone moves them.
    case poked
    /// They run when they are waited for.
    case none
}
