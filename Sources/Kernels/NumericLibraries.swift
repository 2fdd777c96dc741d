// The libraries that compute, by name and version.
internal import COpenBLAS

/// What this program was linked with to compute.
package enum NumericLibraries {
    /// `oneDNN 2.6.3, OpenBLAS 0.3.21`. Settles nothing: instructions can be chosen after it.
    package static var versions: String {
        // OpenBLAS's own name and version begin a line about how it was built.
        let openBLAS = String(cString: openblas_get_config()).split(separator: " ").prefix(2).joined(separator: " ")
        return "oneDNN \(OneDNNEngine.version), \(openBLAS)"
    }
}
