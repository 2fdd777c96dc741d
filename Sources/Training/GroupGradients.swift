// Gradients of groups of images, each computed alone, whose sum has the same bits however the groups are shared among ranks.
//
// Sums of floating-point numbers depend on their order, unless no addition rounds. So all addends are rounded first, to a grid that is
// coarse enough for their sum: ties to even on multiples of one power of two for each tensor, which the largest gradient of all groups
// decides (Demmel and Nguyen, Parallel Reproducible Summation, 2015, take several such grids; here one is enough, as gradients far
// smaller than the largest of their tensor change little).
internal import Collectives
internal import Kernels
internal import Tensors

/// Keeps what one rank's groups bring to an update, and puts it together.
final class GroupGradients {
    private let slots: [Range<Int>]
    private let gradients: UnsafeMutableBufferPointer<Float>
    private let statistics: UnsafeMutableBufferPointer<Float>
    private let communicator: any Communicator
    /// Gradients, then running statistics, of each group of this rank; grown when first needed.
    private var kept: [AlignedBuffer] = []
    /// Images of each group kept for the present update.
    private var images: [Int] = []
    /// The running statistics at the update's start: each group begins with them.
    private let before: AlignedBuffer
    private let totals: UnsafeMutableBufferPointer<Double>
    private let sums: GroupSums

    /// - Parameters:
    ///   - slots: of `gradients`: what shares a grid.
    ///   - statistics: running statistics that a pass moves for its group alone; empty where none does.
    init(
        slots: [Range<Int>], gradients: UnsafeMutableBufferPointer<Float>, statistics: UnsafeMutableBufferPointer<Float>,
        _ communicator: any Communicator
    ) {
        (self.slots, self.gradients, self.statistics, self.communicator) = (slots, gradients, statistics, communicator)
        sums = GroupSums(communicator)
        before = AlignedBuffer(floatCount: statistics.count)
        totals = .allocate(capacity: statistics.count + 1)
    }

    deinit { totals.deallocate() }

    func begin() {
        images.removeAll(keepingCapacity: true)
        _ = before.floats.update(fromContentsOf: statistics)
    }

    /// Takes the gradients and statistics that the pass over a group has left.
    func keep(images count: Int) {
        let group = open(images: count)
        keep(0..<gradients.count, ofGroup: group)
        _ = UnsafeMutableBufferPointer(rebasing: kept[group].floats[gradients.count...]).update(fromContentsOf: statistics)
        _ = statistics.update(fromContentsOf: before.floats)
    }

    /// Makes room for another group; its number.
    func open(images count: Int) -> Int {
        if kept.count == images.count { kept.append(AlignedBuffer(floatCount: gradients.count + statistics.count)) }
        images.append(count)
        return images.count - 1
    }

    /// Takes a part of the gradients, which are those of a group now.
    func keep(_ range: Range<Int>, ofGroup group: Int) {
        let room = UnsafeMutableBufferPointer(rebasing: kept[group].floats[range])
        _ = room.update(fromContentsOf: UnsafeMutableBufferPointer(rebasing: gradients[range]))
    }

    /// Leaves in `gradients` the sum of this rank's groups, ready to be added to other ranks' without rounding, and in `statistics` the
    /// mean of all ranks' groups, weighted by their images. Every rank calls it.
    ///
    /// - Parameter groups: how many there are, over all ranks and passes.
    func put(togetherOf groups: Int) throws {
        let largest = try largestExponents()
        gradients.update(repeating: 0)
        for (index, slot) in slots.enumerated() {
            let target = UnsafeMutableBufferPointer(rebasing: gradients[slot])
            let magic = Self.magic(exponent: largest[index], addends: groups)
            for group in images.indices {
                GridRounding.add(UnsafeBufferPointer(rebasing: kept[group].floats[slot]), to: target, magic: magic)
            }
        }
        try meanStatistics()
    }

    /// The biased exponents of the slots' largest magnitudes, over all ranks; 255 for what is no number.
    private func largestExponents() throws -> [UInt8] {
        var own = [UInt8](repeating: 0, count: slots.count)
        for group in images.indices {
            let values = kept[group].floats
            for (index, range) in slots.enumerated() where !range.isEmpty {
                guard let start = values.baseAddress else { continue }
                own[index] = max(own[index], UInt8(Magnitudes.largest(start + range.lowerBound, range.count).exponentBitPattern))
            }
        }
        guard communicator.size > 1 else { return own }
        return try communicator.gather(own).reduce(own) { found, other in zip(found, other).map { max($0, $1) } }
    }

    /// The number that puts others on a grid when it is added and taken away again: its own last bit is the grid. Chosen so that
    /// so many numbers below 2^(exponent + 1) add up, in any order, to one that has no more bits. Nil where nothing is to be rounded.
    static func magic(exponent: UInt8, addends: Int) -> Float? {
        guard exponent < 255, addends > 1 else { return nil }
        let bits = Int.bitWidth - (addends - 1).leadingZeroBitCount
        // Of denormal numbers the exponent is that of the smallest normal ones.
        let top = Int(max(exponent, 1)) - 127 + 2 + bits
        return 1.5 * Float(sign: .plus, exponent: top - 1, significand: 1)
    }

    private func meanStatistics() throws {
        guard !statistics.isEmpty else { return }
        for (group, count) in images.enumerated() {
            let values = kept[group].floats[gradients.count...]
            for (index, value) in values.enumerated() { totals[index] = Double(value) * Double(count) }
            totals[statistics.count] = Double(count)
            sums.add(totals)
        }
        try sums.takeTotal(totals)
        let all = totals[statistics.count]
        guard all > 0 else { return }
        for index in statistics.indices { statistics[index] = Float(totals[index] / all) }
    }
}
