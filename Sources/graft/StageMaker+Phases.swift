// What earlier phases trained and the present one leaves alone, when a run is resumed.
import Collectives
import Execution
import Graphs
import Training
import WeightFiles

extension StageMaker {
    /// Takes what earlier phases trained and this one leaves alone from a checkpoint. For the rank that has it, before it is held against
    /// the network.
    func readEarlierPhases(_ checkpoint: Checkpoint) throws {
        for index in parametersOfEarlierPhases {
            let parameter = store.graph.parameters[index]
            // What does not fit is refused by whoever compares the rest.
            guard checkpoint.model.tensors[parameter.name]?.shape == parameter.shape else { continue }
            try checkpoint.model.readFloats(parameter.name, into: store.values(of: index))
        }
        store.touch()
    }

    /// Gives all ranks what rank 0 has read. Every rank calls it.
    func shareEarlierPhases() throws {
        for index in parametersOfEarlierPhases {
            try communicator.broadcast(UnsafeMutableRawBufferPointer(store.values(of: index)), from: 0)
        }
        store.touch()
    }

    /// In the graph's order.
    private var parametersOfEarlierPhases: [Int] { everTrained.filter { !store.changes($0) }.sorted() }
}
