// A libFuzzer target for long runs over all readers of weight files; it is built only when asked for:
//
// GRAFT_FUZZER=1 swift build --sanitize fuzzer --scratch-path .build-fuzzer --product WeightFuzzer
// mkdir -p corpus && cp Tests/WeightFilesTests/Fixtures/*.{pth,safetensors,h5,keras,caffemodel} corpus
// .build-fuzzer/debug/WeightFuzzer corpus -rss_limit_mb=512 -timeout=5
@testable import WeightFiles

/// Opens what libFuzzer made up and reads all of its tensors; every crash, hang and large allocation is libFuzzer's find.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWeightFile(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
    let file = MappedFile(path: "fuzz", memory: UnsafeRawBufferPointer(start: start, count: count))
    guard let weights = try? WeightFile.open(file) else { return 0 }
    for name in weights.names { _ = try? weights.floats(name) }
    return 0
}
