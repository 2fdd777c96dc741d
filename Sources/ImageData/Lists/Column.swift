// Values of one kind for each of a million images: in an array, or where another process of the host has left them.
internal import Tensors

/// Values in an array of one's own, or in memory that others hand over, which is copied when it is changed.
struct Column<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    // Sendable: memory that was handed over is only read.
    private var own: [Element] = []
    private var given: UnsafeBufferPointer<Element>?
    /// Keeps the memory.
    private var owner: AnyObject?

    init() {}

    init(_ values: [Element]) { own = values }

    /// - Parameter owner: keeps the memory; nil copies it.
    init(_ given: UnsafeBufferPointer<Element>, owner: AnyObject?) {
        if let owner { (self.given, self.owner) = (given, owner) } else { own = Array(given) }
    }

    var count: Int { given?.count ?? own.count }

    subscript(index: Int) -> Element {
        get { if let given { given[index] } else { own[index] } }
        set {
            makeOwn()
            own[index] = newValue
        }
    }

    mutating func append(_ value: Element) {
        makeOwn()
        own.append(value)
    }

    mutating func append(contentsOf values: some Sequence<Element>) {
        makeOwn()
        own.append(contentsOf: values)
    }

    /// Some of the values, in this order.
    func picked(_ wanted: some Collection<Int>) -> Self {
        withBuffer { values in Self(wanted.map { values[$0] }) }
    }

    mutating func reserve(_ count: Int) {
        makeOwn()
        own.reserveCapacity(count)
    }

    func withBuffer<Result>(_ body: (UnsafeBufferPointer<Element>) -> Result) -> Result {
        if let given { withExtendedLifetime(owner) { body(given) } } else { own.withUnsafeBufferPointer(body) }
    }

    private mutating func makeOwn() {
        guard let given else { return }
        (own, self.given) = (Array(given), nil)
        owner = nil
    }
}

extension Column: Equatable where Element: Equatable {
    static func == (first: Self, second: Self) -> Bool {
        first.withBuffer { own in second.withBuffer { own.elementsEqual($0) } }
    }
}
