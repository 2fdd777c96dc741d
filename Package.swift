// swift-tools-version: 6.2
// Graft: data-parallel fine-tuning of convolutional networks over MPI.
// Targets are listed bottom up; a target imports only what stands above it in this file (LayeringTests holds them to it).
import Foundation
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A Swift target of this package: every one is compiled under the same strict settings.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// - Parameter computes: without it the tests are left as they are written, also where all else is optimised: those that start programs,
///   or compare files and texts, gain nothing from minutes of optimising.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil, computes: Bool = true) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources,
        swiftSettings: strict + (computes ? [] : [.unsafeFlags(["-Onone"])]))
}

let fixtures: [Resource] = [.copy("Fixtures")]

/// Distributions without libheif build a program that reads no HEIC and AVIF, and says so.
let hasHeif = ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu", "/usr/local/include"].contains {
    FileManager.default.fileExists(atPath: "\($0)/libheif/heif.h")
}

/// A value of an enum that some switch in C forgets does not compile, as in Swift.
let wholeSwitches = ["-Werror=switch"]

/// What `graft --version` tells. Not asked of git here: a manifest's answer is kept for as long as its text and environment stay the same.
let revision: [CSetting] =
    Context.environment["GRAFT_REVISION"].map { [.define("GRAFT_REVISION", to: "\"\($0)\"")] } ?? []

let package = Package(
    name: "graft",
    products: [.executable(name: "graft", targets: ["graft"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // Layer 0: the C world.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        .target(name: "COneDNN", cSettings: [.unsafeFlags(wholeSwitches)], linkerSettings: [.linkedLibrary("dnnl")]),
        .target(
            name: "CVectorLoops",
            cSettings: [
                .unsafeFlags(
                    ["-O3", "-ffp-contract=fast-honor-pragmas", "-fno-math-errno", "-fno-trapping-math"] + wholeSwitches)
            ]),
        .target(
            name: "CImageCodecs", cSettings: [.unsafeFlags(["-O3"])] + (hasHeif ? [.define("HAS_LIBHEIF")] : []),
            linkerSettings: (["jpeg", "png", "webp", "webpdemux", "gif", "tiff", "z"] + (hasHeif ? ["heif"] : [])).map {
                .linkedLibrary($0)
            }),
        .target(name: "CProcess", cSettings: revision),

        // Layer 1: values.
        library("Tensors"),
        library("Files"),
        library("Collectives", ["CProcess"]),
        library("RunConfiguration", ["Tensors", .product(name: "Yams", package: "Yams")]),

        // Layer 2: one subject each.
        library("CollectivesMPI", ["Collectives", "CMPI", "CVectorLoops"]),
        library("Graphs", ["Tensors"]),
        library("Kernels", ["Tensors", "COneDNN", "CVectorLoops"]),
        library("ImageData", ["Tensors", "Files", "CImageCodecs"]),
        library("Optimization", ["Tensors", "CVectorLoops"]),
        library("WeightFiles", ["Tensors", "Files", "CZlib"]),

        // Layer 3: networks and their execution.
        library("Networks", ["Graphs", "Tensors"]),
        library("Execution", ["Graphs", "Kernels", "Tensors", "Files"]),
        library("Features", ["Tensors", "Files", "Collectives", "ImageData"]),
        library("ONNXFiles", ["Graphs", "Tensors", "Files"]),

        // Layer 4: the loop and those who watch it.
        library(
            "Training",
            [
                "Tensors", "Files", "Collectives", "Graphs", "ImageData", "Optimization", "WeightFiles", "Networks", "Execution",
                "Kernels",
            ]),
        library("PlanReports", ["Execution", "Graphs", "Tensors"]),
        library("Reporting", ["Tensors", "Files", "ImageData", "Training"]),

        // Layer 5: the program.
        .executableTarget(
            name: "graft",
            dependencies: [
                "Tensors", "Files", "CProcess", "Collectives", "RunConfiguration", "CollectivesMPI", "Graphs", "Kernels",
                "ImageData",
                "Optimization", "WeightFiles", "Networks", "Execution", "Features", "ONNXFiles", "Training", "PlanReports",
                "Reporting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),

        // Tests mirror the targets.
        tests("LayeringTests", [], computes: false),
        tests("FilesTests", ["Files"], computes: false),
        tests("TensorsTests", ["Tensors"]),
        tests("GraphsTests", ["Graphs", "Tensors"]),
        tests("CollectivesTests", ["Collectives"]),
        tests(
            "DistributedTests", ["graft", "Files", "Graphs", "Networks", "Tensors", "TestSupport", "WeightFiles"], computes: false
        ),
        tests("CommandTests", ["graft", "ImageData", "Tensors", "TestSupport", "WeightFiles"], computes: false),
        tests("RunConfigurationTests", ["RunConfiguration"], computes: false),
        tests("ImageDataTests", ["ImageData", "Files", "Tensors"], resources: fixtures),
        tests("FeaturesTests", ["Features", "Files", "ImageData", "Tensors"]),
        tests("KernelsTests", ["Kernels", "Tensors", "TestSupport"], resources: fixtures),
        tests("OptimizationTests", ["Optimization"], resources: fixtures),
        tests(
            "ExecutionTests",
            ["Execution", "PlanReports", "Graphs", "Kernels", "Networks", "Tensors", "TestSupport", "AllocationCounter"]),
        tests("PlanReportsTests", ["PlanReports", "Execution", "Graphs", "Networks", "Tensors", "TestSupport"], computes: false),
        tests(
            "NetworksTests", ["Networks", "Execution", "Graphs", "Tensors", "TestSupport"], resources: fixtures, computes: false),
        tests(
            "TrainingTests",
            [
                "Training", "PlanReports", "Collectives", "Execution", "Features", "Graphs", "ImageData", "Networks",
                "Optimization",
                "Tensors",
                "WeightFiles",
                "AllocationCounter",
            ]),
        tests(
            "ReportingTests", ["Reporting", "Files", "ImageData", "Training", "Tensors"], resources: fixtures, computes: false),
        tests("ONNXFilesTests", ["ONNXFiles", "Files", "Networks", "Graphs", "Tensors"], resources: fixtures),
        tests("WeightFilesTests", ["WeightFiles", "Files", "Tensors"], resources: fixtures, computes: false),

        // An allocator that counts, for tests.
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),

        // What is compared with PyTorch, and what such comparisons need.
        .target(name: "TestSupport", dependencies: ["Kernels", "Tensors"], path: "Tests/TestSupport", swiftSettings: strict),
        tests(
            "GoldenTests",
            ["TestSupport", "Tensors", "Graphs", "Networks", "ImageData", "Execution", "Kernels", "Optimization", "Training"],
            resources: fixtures),
    ]
)

// For long runs over weight files from strangers; how to use it stands in its source.
if Context.environment["GRAFT_FUZZER"] != nil {
    package.targets.append(
        .executableTarget(
            name: "WeightFuzzer", dependencies: ["WeightFiles"], path: "Tests/WeightFuzzer",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
