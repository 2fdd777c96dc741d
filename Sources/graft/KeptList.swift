// A run's folder keeps the list of its photographs: who trains it again looks at the folders' times instead of at every file.
import Files
import Foundation
import ImageData
import RunConfiguration

/// `photographs.list`: what a scan found, with the times of every folder that it looked into.
///
/// The file: a magic number, the XXH64 of what follows, the bytes of all; then, as `ListPacker` writes them, what the list depends on,
/// and the scan with the state of all folders. It is for the machine's byte order and for the same build of the program.
struct KeptList {
    /// Raised when a reader of the old form would misunderstand the new one.
    private static let magic = 0x6772_6166_7400_0001
    private static let headBytes = 24
    /// The clock's grain on file systems, and some: what changed so shortly before a scan could change again unseen.
    private static let grainNanoseconds = 2_000_000_000

    /// What the list depends on besides the folders: settings, the folders' whole paths, and the program.
    private let key: String
    private let path: String

    init(_ configuration: RunConfiguration) {
        let run = configuration.run
        path = RunFolder(folder: run.folder, name: run.name).list
        let data = configuration.data
        let places = [data.train, data.validation ?? "", data.exclude ?? ""].map {
            URL(fileURLWithPath: $0).standardizedFileURL.path
        }
        let settings = configuration.entries.filter {
            $0.key.hasPrefix("data.") && $0.key != "data.stage" || ["run.seed", "network.loss"].contains($0.key)
        }
        let program = FilePart("/proc/self/exe").state.map { "\(GraftTool.version) \($0.size) \($0.changed)" }
        key = ([program ?? GraftTool.version] + places + settings.map { "\($0.key): \($0.value)" }).joined(separator: "\n")
    }

    /// The list that was kept, if it is whole, of these settings, and no folder has changed since; else nil.
    func read() -> SharedScan? {
        guard let file = try? MappedFile(path), file.count > Self.headBytes else { return nil }
        var head = ListUnpacker(file.bytes)
        guard head.number() == Self.magic else { return nil }
        let checksum = head.number()
        guard head.number() == file.count, Self.checksum(of: file.bytes) == checksum else { return nil }
        var unpacker = ListUnpacker(file.bytes, owner: file)
        for _ in 0..<3 { _ = unpacker.number() }
        guard unpacker.text() == key else { return nil }
        let scan = SharedScan(from: &unpacker)
        return unpacker.isWhole && scan.data.lookedInto.allSatisfy(\.isUnchanged) ? scan : nil
    }

    /// Keeps a list. Without one nothing is lost but time; then also any old one goes.
    ///
    /// A list is not kept that could be out of date already, nor one of a table, whose files may be anywhere.
    func write(_ scan: SharedScan) {
        unlink(path)
        let folders = scan.data.lookedInto
        guard !folders.isEmpty, folders.allSatisfy({ $0.isSettled(for: Self.grainNanoseconds) }) else { return }
        func pack(into target: UnsafeMutableRawPointer?) -> Int {
            var packer = ListPacker(into: target)
            for number in [Self.magic, 0, 0] { packer.add(number) }
            packer.add(key)
            scan.pack(into: &packer)
            return packer.count
        }
        let byteCount = pack(into: nil)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { bytes.deallocate() }
        // Columns begin at multiples of 16 bytes: what lies between is written, too.
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        _ = pack(into: bytes.baseAddress)
        bytes.storeBytes(of: Self.checksum(of: UnsafeRawBufferPointer(bytes)), toByteOffset: 8, as: Int.self)
        bytes.storeBytes(of: byteCount, toByteOffset: 16, as: Int.self)
        try? AtomicFile.write(to: path) { (sink) throws(FileError) in try sink.write(UnsafeRawBufferPointer(bytes)) }
    }

    private static func checksum(of bytes: UnsafeRawBufferPointer) -> Int {
        var checksum = Checksum()
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[headBytes...]))
        return Int(bitPattern: UInt(checksum.value))
    }
}
