// Pass: frozen steps that run over a few images at a time, so that what one writes is still in the cache when the next reads it.
//
// Over a whole batch the early layers of these networks write tens of megabytes a step, and every step waits for memory. The late ones
// have small activations and large weights, which want many images at a time. So the number of images grows along the network.
import Graphs

/// Divides the steps into chunks, and shrinks the values that one chunk alone uses to its images. `callers` are values that the
/// caller gives or reads: they are whole.
func chunkImages(
    _ values: inout [PlanValue], _ steps: [PlanStep], _ request: PlanRequest, callers: Set<Int>
) -> [PlanChunk] {
    var chunks: [PlanChunk] = []
    for (index, images) in imagesAtOnce(values, steps, request).enumerated() {
        if let last = chunks.last, last.images == images {
            chunks[chunks.count - 1] = PlanChunk(steps: last.steps.lowerBound..<index + 1, images: images)
        } else {
            chunks.append(PlanChunk(steps: index..<index + 1, images: images))
        }
    }
    shrink(&values, steps, chunks, callers)
    return chunks
}

/// For every step the images that it runs over at once. It never falls along a row of frozen steps: one that wants few images holds back
/// all before it, which lets a chunk go on through a narrow place instead of handing whole batches to the next.
private func imagesAtOnce(_ values: [PlanValue], _ steps: [PlanStep], _ request: PlanRequest) -> [Int] {
    var images = steps.map { _ in request.capacity }
    guard let cacheBytes = request.cacheBytes else { return images }
    var limit = request.capacity
    for index in steps.indices.reversed() {
        // Where nothing trains, no step looks at more than one image at a time.
        guard !request.isTraining || steps[index].region == .prefix && steps[index].phase == .forward else {
            limit = request.capacity
            continue
        }
        let touched = Set(steps[index].reads + steps[index].writes)
        let bytes = touched.reduce(0) { $0 + values[$1].bytesPerImage }
        limit = min(limit, evenShare(of: request.capacity, atMost: max(1, cacheBytes / max(1, bytes))))
        images[index] = limit
    }
    return images
}

/// A number of images from half of `most` to all of it that divides the capacity, or nearly: the last images of a chunk may be some
/// that it has been over already.
private func evenShare(of capacity: Int, atMost most: Int) -> Int {
    guard most < capacity else { return capacity }
    func runOver(_ share: Int) -> Int { (capacity + share - 1) / share * share }
    return (most / 2 + 1...most).min { (runOver($0), -$0) < (runOver($1), -$1) } ?? 1
}

private func shrink(_ values: inout [PlanValue], _ steps: [PlanStep], _ chunks: [PlanChunk], _ callers: Set<Int>) {
    var users = values.map { _ in Set<Int>() }
    for (number, chunk) in chunks.enumerated() {
        for index in chunk.steps {
            for value in steps[index].reads + steps[index].writes { users[value].insert(number) }
        }
    }
    for value in values.indices where users[value].count == 1 && !callers.contains(value) {
        for number in users[value] { values[value].images = chunks[number].images }
    }
}
