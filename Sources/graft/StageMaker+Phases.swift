// What earlier phases trained and the present one leaves alone, when a run is resumed.
import Collectives
import Execution
import Graphs
import Training
import WeightFiles

extension StageMaker {
    /// Takes what earlier phases trained and this one leaves alone from the checkpoint that rank 0 resumes. Every rank calls it.
    func restoreEarlierPhases(_ checkpoint: Checkpoint?) throws {
        let names = namesOfEarlierPhases
        for (index, parameter) in store.graph.parameters.enumerated() where names.contains(parameter.name) {
            if communicator.isRoot { try read(parameter.name, index, checkpoint) }
            try communicator.broadcast(UnsafeMutableRawBufferPointer(store.values(of: index)), from: 0)
        }
        store.touch()
    }

    /// The same on rank 0 alone, to see whether the checkpoint fits.
    func readEarlierPhases(_ checkpoint: Checkpoint) throws {
        let names = namesOfEarlierPhases
        for (index, parameter) in store.graph.parameters.enumerated() where names.contains(parameter.name) {
            try read(parameter.name, index, checkpoint)
        }
    }

    private func read(_ name: String, _ index: Int, _ checkpoint: Checkpoint?) throws {
        guard let checkpoint, checkpoint.model.tensors[name]?.shape == store.graph.parameters[index].shape else { return }
        try checkpoint.model.readFloats(name, into: store.values(of: index))
    }

    private var namesOfEarlierPhases: Set<String> { everTrained.subtracting(changingNames) }
}
