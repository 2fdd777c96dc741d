// What a run is, as its checkpoints carry it and a resume compares it.
package import Tensors

/// The facts that make a checkpoint usable on its own, and tell whether it belongs to a run.
package struct RunIdentity: Sendable, Equatable {
    /// The run's name.
    package var name: String
    package var architecture: String
    /// By class index.
    package var classes: [String]
    package var preprocessing: Preprocessing
    /// Digest of the resolved config; told, not compared: a resumed run may change it (more epochs, another checkpoint interval).
    package var configDigest: String
    /// Digest of the training files: a resume within an epoch needs the same list.
    package var filesDigest: String
    /// Digest of the validation files; nil for none. Results on other files are not compared.
    package var validationDigest: String?
    /// The instructions that it computes with; nil where nothing is computed.
    package var instructions: InstructionSet?
    /// What it is trained against.
    package var loss: LossKind

    package init(
        name: String, architecture: String, classes: [String], preprocessing: Preprocessing, configDigest: String,
        filesDigest: String, validationDigest: String? = nil, instructions: InstructionSet? = nil, loss: LossKind = .crossEntropy
    ) {
        self.name = name
        self.architecture = architecture
        self.classes = classes
        self.preprocessing = preprocessing
        self.configDigest = configDigest
        self.filesDigest = filesDigest
        self.validationDigest = validationDigest
        self.instructions = instructions
        self.loss = loss
    }
}
