// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that nobody builds benchmarks who does not run them. Sources, CShims, LabKit and TestKit are
// links to the project's own: access level `package` ends at a package.
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let package = Package(
    name: "sts-milter-benchmarks",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .systemLibrary(name: "CIDN2", path: "CShims/CIDN2", pkgConfig: "libidn2"),
        .systemLibrary(name: "COpenSSL", path: "CShims/COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CPQ", path: "CShims/CPQ", pkgConfig: "libpq"),
        .systemLibrary(name: "CPSL", path: "CShims/CPSL", pkgConfig: "libpsl"),
        .systemLibrary(name: "CSQLite", path: "CShims/CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CSystemd", path: "CShims/CSystemd", pkgConfig: "libsystemd"),
        .systemLibrary(name: "CThreads", path: "CShims/CThreads"),
        .systemLibrary(name: "CZlib", path: "CShims/CZlib", pkgConfig: "zlib"),
        .target(name: "Basics", dependencies: ["CIDN2", "CPSL"]),
        .target(name: "MTASTS", dependencies: ["Basics"]),
        .target(name: "TLSRPT", dependencies: ["Basics"]),
        .target(name: "Concurrency", dependencies: ["Basics", logging]),
        .target(name: "Events", dependencies: ["Basics"]),
        .target(name: "Gzip", dependencies: ["CZlib"]),
        .target(name: "PostgreSQL", dependencies: ["Basics", "CPQ", "Events"]),
        .target(name: "SQLite", dependencies: ["Basics", "CSQLite"]),
        .target(
            name: "Sockets",
            dependencies: [
                "Basics", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(name: "Metrics"),
        .target(name: "Core", dependencies: ["Basics", "Concurrency", "MTASTS", "TLSRPT", logging]),
        .target(name: "Reporting", dependencies: ["Basics", "Gzip", "TLSRPT", logging]),
        .target(name: "MailLog", dependencies: ["Basics", "Core", "TLSRPT"]),
        .target(
            name: "PolicyMap",
            dependencies: [
                "Basics", "Concurrency", "Core", "MTASTS", "Metrics", "Sockets", logging,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "Intake",
            dependencies: [
                "Basics", "CSystemd", "CThreads", "Concurrency", "Core", "Events", "Gzip", "MailLog", "Sockets",
                "TLSRPT",
                logging,
            ]),
        .target(
            name: "Store",
            dependencies: [
                "Basics", "CSQLite", "CSystemd", "Concurrency", "Core", "MTASTS", "Metrics", "Reporting", "SQLite",
                "TLSRPT",
                logging,
            ]),
        .target(
            name: "Fleet",
            dependencies: ["Basics", "Concurrency", "Core", "MTASTS", "PostgreSQL", "Reporting", "TLSRPT", logging]),
        .target(name: "TestKit", dependencies: ["Basics", logging], path: "TestKit"),
        .target(
            name: "LabKit",
            dependencies: [
                "Basics", "COpenSSL", "TestKit", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "LabKit"),

        .target(name: "BenchKit", path: "BenchKit"),
        .executableTarget(
            name: "bench-gate", dependencies: ["Basics", "Core", "LabKit", "MTASTS", "Store", "TestKit", logging],
            path: "gate"),
        .executableTarget(
            name: "bench-mixed", dependencies: ["Basics", "BenchKit", "LabKit", "TestKit"], path: "mixed"),
        .executableTarget(
            name: "bench-impact", dependencies: ["BenchKit", "LabKit", "TestKit"], path: "impact"),
        .executableTarget(name: "soak", dependencies: ["Basics", "LabKit", "TestKit"], path: "soak"),
        .executableTarget(
            name: "bench-map",
            dependencies: [
                "Basics", "Core", "LabKit", "MTASTS", "PolicyMap", "TestKit", logging,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "map"),
        .executableTarget(
            name: "bench-intake", dependencies: ["Basics", "BenchKit", "Core", "Intake", "MailLog", "Store", logging],
            path: "intake"),
        .executableTarget(
            name: "bench-policies",
            dependencies: ["Basics", "BenchKit", "Core", "LabKit", "MTASTS", "Store", "TestKit", logging],
            path: "policies"),
        .executableTarget(
            name: "bench-life",
            dependencies: ["Basics", "BenchKit", "Core", "MTASTS", "Store", "TestKit", logging], path: "life"),
        .executableTarget(
            name: "bench-verdict", dependencies: ["Basics", "BenchKit", "Core", "MTASTS", "Store", logging],
            path: "verdict"),
        .executableTarget(
            name: "bench-fleet",
            dependencies: ["Basics", "BenchKit", "Fleet", "LabKit", "PostgreSQL", "Reporting", "TLSRPT"], path: "fleet"),
        .executableTarget(name: "bench-locks", dependencies: ["Basics", "BenchKit"], path: "locks"),
        .executableTarget(
            name: "bench-reports",
            dependencies: ["Basics", "BenchKit", "Core", "Gzip", "Reporting", "Store", "TLSRPT", logging],
            path: "reports"),
    ],
    swiftLanguageModes: [.v6]
)
