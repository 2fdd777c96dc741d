// What can go wrong in a run and is the user's, or the cluster's, to repair.
package import Files
package import ImageData

/// A failure of a training run, with the facts as fields and one sentence that says what to do.
package enum TrainingError: Error, Equatable, CustomStringConvertible {
    /// Ranks started with different inputs; `thing` is the first that differs.
    case ranksDisagree(thing: String, rank: Int, host: String, value: String, rootValue: String)
    /// The weights of a rank are no longer those of rank 0.
    case weightsDiffer(rank: Int, host: String, step: Int)
    /// More images than `limit` (a fraction) of `total` could not be read.
    case tooManyUnreadable(split: String, limit: Double, total: Int, images: [UnreadableSample])
    /// The loss, gradients or weights stopped being numbers.
    case diverged(step: Int, Divergence)
    /// No image of a split could be used.
    case emptySplit(String)
    /// A checkpoint that is not whole; `reason` says which file and why.
    case damagedCheckpoint(path: String, reason: String)
    /// Nothing was saved yet, or nothing that can be used; `refused` lists damaged checkpoints.
    case noCheckpoint(folder: String, refused: [String])
    /// A whole checkpoint that belongs to another run.
    case foreignCheckpoint(path: String, reason: String)
    /// Another live process writes into the same run folder.
    case folderInUse(path: String, holder: String)
    /// The run's folder was removed or replaced while the run went on.
    case folderGone(path: String)
    /// A checkpoint that could not be written; those before it are as they were.
    case checkpointNotSaved(step: Int, FileError)

    package var description: String {
        switch self {
        case .ranksDisagree(let thing, let rank, let host, let value, let rootValue):
            "rank \(rank) on \(host) started with another \(thing) than rank 0 (\(value) against \(rootValue)); "
                + "give all ranks the same files and arguments"
        case .weightsDiffer(let rank, let host, let step):
            "after step \(step) the weights of rank \(rank) on \(host) differ from those of rank 0; do not trust this run: "
                + "check that host's memory and that all ranks run the same program, then resume from the last checkpoint"
        case .tooManyUnreadable(let split, let limit, let total, let images):
            "\(images.count) of \(total) \(split) images cannot be read, more than data.unreadable_limit (\(limit)) allows; "
                + "repair or remove them, or raise the limit, and go on with --resume:\n"
                + images.map { "  \($0)" }.joined(separator: "\n")
        case .diverged(let step, let divergence):
            "training diverged: \(divergence.sentence(step: step)); lower optimizer.learning_rate, add schedule.warmup_steps or "
                + "set training.clip_norm, then start anew or go on with --resume (checkpoints saved before are untouched)"
        case .emptySplit(let split): "data.\(split) holds no image that can be read; check the folder"
        case .damagedCheckpoint(let path, let reason): "\(path): the checkpoint is damaged: \(reason)"
        case .noCheckpoint(let folder, let refused):
            refused.isEmpty
                ? "\(folder): there is no checkpoint yet; the run saves one at the end of an epoch, or when it is stopped"
                : "\(folder): no checkpoint can be used; start the run anew or restore one of:\n"
                    + refused.map { "  \($0)" }.joined(separator: "\n")
        case .foreignCheckpoint(let path, let reason): "\(path): cannot resume from this checkpoint: \(reason)"
        case .folderInUse(let path, let holder):
            "\(path): another run is writing here (\(holder)); wait for it, stop it, or choose another run.name"
        case .folderGone(let path):
            "\(path): the run's folder was removed or replaced while the run went on, and its checkpoints with it; nothing can be saved "
                + "there any more: start the run anew"
        case .checkpointNotSaved(let step, let error): "the checkpoint of step \(step) cannot be saved: \(error)"
        }
    }
}
