// swift-tools-version: 6.2
import PackageDescription

/// A program in a package of its own that uses this one's three products.
let package = Package(
  name: "restore",
  dependencies: [.package(name: "evssm", path: "../..")],
  targets: [
    .executableTarget(
      name: "restore",
      dependencies: [
        .product(name: "PlanRuntime", package: "evssm"),
        .product(name: "ModelCompiler", package: "evssm"),
        .product(name: "PictureRestoration", package: "evssm"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
