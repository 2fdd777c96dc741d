// Ranks of one host talk through /dev/shm; containers often leave it at 64 MB, which ends in a bus error.
import Foundation

/// The size of this host's shared memory file system.
struct SharedMemoryCheck {
    /// Its size in bytes; nil where there is none.
    let bytes: Int?

    init(path: String = "/dev/shm") {
        var status = statvfs()
        bytes = statvfs(path, &status) == 0 ? Int(status.f_blocks) * Int(status.f_frsize) : nil
    }

    /// What is wrong for `ranks` ranks on this host, and the fix; nil if it will do.
    func warning(ranks: Int) -> String? {
        guard ranks > 1 else { return nil }
        // Open MPI's shared-memory transport takes some 4 MB a rank and 32 MB a pair of busy neighbours.
        let needed = ranks * 64 << 20
        guard let bytes else { return "there is no /dev/shm, so ranks of one host cannot share memory" }
        guard bytes < needed else { return nil }
        return
            "/dev/shm holds \(bytes >> 20) MB, too little for \(ranks) ranks; give the container `--shm-size=1g` or an in-memory volume there"
    }
}
