// The section `logging`.

extension RunConfiguration {
    /// Where a run is told of besides its own folder.
    package struct Logging: Sendable, Equatable {
        /// The folder of MLflow's file store; nil for none.
        package var mlflow: String?
        /// Under which runs are listed there.
        package var experiment = "graft"
    }
}

extension RunConfiguration.Logging: Section {
    static var keys: [Key<Self>] {
        [
            Key("mlflow", \.mlflow, .notEmpty),
            Key("experiment", \.experiment, .notEmpty),
        ]
    }
}
