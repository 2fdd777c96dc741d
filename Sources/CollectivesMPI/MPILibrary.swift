// The library behind the ranks, by name and version.
import CMPI

/// The MPI library that this program runs with.
package enum MPILibrary {
    /// `Open MPI v4.1.4`; can be asked before MPI is initialised.
    package static var version: String {
        var bytes = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING))
        var count: Int32 = 0
        guard MPI_Get_library_version(&bytes, &count) == MPI_SUCCESS else { return "MPI of a version that it does not tell" }
        let text = String(decoding: bytes.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Who built it and when follows after a comma.
        return String(text.prefix { $0 != "," && $0 != "\n" })
    }
}
