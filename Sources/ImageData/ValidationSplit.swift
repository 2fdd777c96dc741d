// Holding out part of one folder for validation: by hash of the names, so that adding or removing files moves no others about.
import Files
internal import Tensors

/// One folder in two disjoint parts with the same classes.
package struct ValidationSplit: Sendable, Hashable {
    package let training: ImageFolder
    package let validation: ImageFolder

    /// Holds out, of each class, the share `fraction` of files (rounded; at least one of two or more, never all) whose hash of
    /// (seed, relative path) is smallest.
    package init(of folder: ImageFolder, fraction: Double, seed: UInt64) {
        precondition(fraction > 0 && fraction < 1, "the held-out fraction lies between 0 and 1")
        var hashed = [[(hash: UInt64, sample: Int)]](repeating: [], count: folder.classes.count)
        for (index, path) in folder.samples.paths.enumerated() {
            var checksum = Checksum(seed: seed)
            checksum.update(path)
            hashed[folder.samples.label(of: index)].append((checksum.value, index))
        }
        var isHeldOut = [Bool](repeating: false, count: folder.samples.count)
        for members in hashed {
            let wanted = Int((fraction * Double(members.count)).rounded())
            let count = members.count < 2 ? 0 : min(max(wanted, 1), members.count - 1)
            // Samples are sorted by path: their index breaks ties.
            let ordered = members.sorted { ($0.hash, $0.sample) < ($1.hash, $1.sample) }
            for member in ordered.prefix(count) { isHeldOut[member.sample] = true }
        }
        var (training, validation) = (folder, folder)
        training.samples = folder.samples.picked(folder.samples.indices.filter { !isHeldOut[$0] })
        validation.samples = folder.samples.picked(folder.samples.indices.filter { isHeldOut[$0] })
        validation.notes = []
        self.training = training
        self.validation = validation
    }
}
