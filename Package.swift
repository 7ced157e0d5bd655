// swift-tools-version: 6.2
import PackageDescription

/// A system library found by pkg-config, or by its module map alone; `tools/setup` installs its Debian package.
func system(_ name: String, _ pkgConfig: String?, apt package: String) -> Target {
  .systemLibrary(name: name, path: "Sources/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

func library(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude)
}

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// The server and its dependencies, which take minutes to build. `EVSSM_SERVER=0` leaves them out.
let buildsServer = Context.environment["EVSSM_SERVER"] != "0"

let package = Package(
  name: "evssm",
  products: [
    .executable(name: "evssm", targets: ["evssm"]),
    .library(name: "PlanRuntime", targets: ["PlanRuntime", "ExecutionPlan"]),
    .library(name: "EVSSMLibrary", type: .static, targets: ["EVSSMLibrary"]),
    .library(name: "GraphCompiler", targets: ["GraphCompiler", "EVSSMModel", "TorchFormat", "SafetensorsFormat"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    // System libraries.
    system("CZip", "libzip", apt: "libzip-dev"),
    system("CPNG", "libpng", apt: "libpng-dev"),
    system("CJPEG", "libturbojpeg", apt: "libturbojpeg0-dev"),
    // openat2, which Swift cannot call.
    .systemLibrary(name: "CBeneath", path: "Sources/CBeneath"),
    // sched_setattr, likewise.
    .systemLibrary(name: "CScheduling", path: "Sources/CScheduling"),
    system("COpenBLAS", "openblas", apt: "libopenblas-dev"),
    // Linked statically: servers and the C library need no package of it.
    system("CProtobufC", nil, apt: "libprotobuf-c-dev"),

    // The C library's header.
    .systemLibrary(name: "CEVSSM", path: "Sources/CEVSSM"),

    // C: kernels and generated code.
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CPlanProto", dependencies: ["CProtobufC"]),
    .target(name: "COnnxProto", dependencies: ["CProtobufC"]),
    // Replaces malloc to count its calls: for executables and tests, never for a library.
    .target(name: "CAllocationCounter"),

    // Values and formats.
    library("Tensors", []),
    library("ProtobufWire", ["Tensors", "CProtobufC"]),
    library("ZipFormat", ["Tensors", "CZip"]),
    library("TorchFormat", ["Tensors", "ZipFormat"]),
    library("SafetensorsFormat", ["Tensors"]),
    library("Imaging", ["Tensors", "CPNG", "CJPEG"]),
    // Apart from Imaging, so that servers link no zip library.
    library("NumpyArchives", ["Imaging", "ZipFormat"]),
    library("PrimitiveOperators", ["Tensors"]),
    library("OnnxFormat", ["GraphIR", "PrimitiveOperators", "ProtobufWire", "COnnxProto", "CBeneath", crypto]),

    // Compiler.
    library("GraphIR", ["Tensors", "PrimitiveOperators"]),
    library("EVSSMModel", ["GraphIR"]),
    library("OnnxWriter", ["GraphIR", "ProtobufWire"]),
    library("ReferenceInterpreter", ["GraphIR", "PrimitiveOperators", "COpenBLAS"]),
    library("GraphCompiler", ["GraphIR", "PrimitiveOperators", "ExecutionPlan", "ReferenceInterpreter"]),

    // Plan and runtime.
    library("ExecutionPlan", ["Tensors", "PrimitiveOperators", "ProtobufWire", "CPlanProto", crypto]),
    library("PlanRuntime", ["ExecutionPlan", "PrimitiveOperators", "CKernels"]),

    // What `tools/build-library` makes libevssm of.
    library("EVSSMLibrary", ["CEVSSM", "PlanRuntime", "ExecutionPlan"], exclude: ["exports.map"]),

    // Serving, without a network: models, scheduling, the protocol's data.
    library("InferenceServer", ["PlanRuntime", "ExecutionPlan", "Imaging", "Tensors", "CScheduling"]),

    .executableTarget(
      name: "evssm",
      dependencies: [
        "TorchFormat", "SafetensorsFormat", "OnnxFormat", "EVSSMModel", "OnnxWriter", "GraphCompiler",
        "ReferenceInterpreter", "ExecutionPlan", "PlanRuntime", "Imaging", "NumpyArchives", "CAllocationCounter",
        arguments,
      ]),

    .executableTarget(name: "kernel-bench", dependencies: ["CKernels"]),
    .executableTarget(
      name: "onnx-conformance", dependencies: ["OnnxFormat", "GraphCompiler", "PlanRuntime", "SafetensorsFormat"]),

    .target(name: "TestSupport", dependencies: ["Tensors", "EVSSMModel", "Imaging"], path: "Tests/TestSupport"),
    tests("TensorsTests", ["Tensors", "TestSupport"]),
    tests("ProtobufWireTests", ["ProtobufWire"]),
    tests("TorchFormatTests", ["TorchFormat", "ZipFormat"]),
    tests("PrimitiveOperatorsTests", ["PrimitiveOperators", "Tensors", "TestSupport"]),
    tests(
      "OnnxFormatTests",
      ["OnnxFormat", "GraphIR", "PrimitiveOperators", "ReferenceInterpreter", "ProtobufWire", "TestSupport"]),
    tests("SafetensorsFormatTests", ["SafetensorsFormat", "TestSupport"]),
    tests("ImagingTests", ["Imaging", "CJPEG", "TestSupport"]),
    tests("GraphIRTests", ["GraphIR", "TestSupport"]),
    tests("EVSSMModelTests", ["EVSSMModel", "TestSupport"]),
    tests(
      "RaiseTests",
      ["GraphCompiler", "OnnxFormat", "OnnxWriter", "EVSSMModel", "ReferenceInterpreter", "PlanRuntime", "TestSupport"]),
    tests("OnnxWriterTests", ["OnnxWriter", "EVSSMModel", "TestSupport"]),
    tests("ReferenceInterpreterTests", ["ReferenceInterpreter", "EVSSMModel", "TorchFormat", "TestSupport"]),
    tests("GraphCompilerTests", ["GraphCompiler", "EVSSMModel", "TorchFormat", "TestSupport"]),
    tests("ExecutionPlanTests", ["ExecutionPlan"]),
    tests(
      "PlanRuntimeTests",
      [
        "PlanRuntime", "GraphCompiler", "ReferenceInterpreter", "EVSSMModel", "TorchFormat", "OnnxFormat",
        "SafetensorsFormat", "TestSupport",
      ]),
    tests("KernelTests", ["CKernels"]),
    tests(
      "InferenceServerTests",
      ["InferenceServer", "GraphCompiler", "EVSSMModel", "Imaging", "TestSupport"]),
    tests(
      "EndToEndTests",
      ["PlanRuntime", "GraphCompiler", "EVSSMModel", "OnnxFormat", "Imaging", "EVSSMLibrary", "CEVSSM", "TestSupport"]),
    tests(
      "CommandTests",
      ["evssm", "EVSSMModel", "TorchFormat", "SafetensorsFormat", "Imaging", "NumpyArchives", "TestSupport"],
      exclude: ["Snapshots"]),
  ],
  swiftLanguageModes: [.v6]
)

if buildsServer {
  func product(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }
  let logging = product("Logging", "swift-log")
  let metrics = product("Metrics", "swift-metrics")
  let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")
  let hummingbird = product("Hummingbird", "hummingbird")
  let grpc = product("GRPCCore", "grpc-swift-2")
  package.products += [.executable(name: "evssmd", targets: ["evssmd"])]
  package.dependencies += [
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
  ]
  package.targets += [
    system("CZlib", "zlib", apt: "zlib1g-dev"),
    .target(
      name: "InferenceServerHTTP",
      dependencies: [
        "InferenceServer", "Imaging", "PlanRuntime", "Tensors", "CZlib", hummingbird,
        product("HummingbirdCore", "hummingbird"), logging, metrics, lifecycle,
        product("NIOCore", "swift-nio"), product("NIOHTTP1", "swift-nio"),
        product("NIOHTTPTypes", "swift-nio-extras"), product("NIOHTTPTypesHTTP1", "swift-nio-extras"),
        product("HTTPTypes", "swift-http-types"),
      ],
      resources: [.embedInCode("Page/index.html")]),
    library(
      "InferenceServerGRPC",
      [
        "InferenceServer", "PlanRuntime", "Tensors", grpc,
        product("GRPCNIOTransportHTTP2Posix", "grpc-swift-nio-transport"),
        product("GRPCProtobuf", "grpc-swift-protobuf"), product("SwiftProtobuf", "swift-protobuf"), logging, lifecycle,
        product("NIOCore", "swift-nio"), product("NIOHTTP2", "swift-nio-http2"), product("NIOHPACK", "swift-nio-http2"),
      ]),
    tests(
      "InferenceServerHTTPTests",
      ["InferenceServerHTTP", "InferenceServer", product("HTTPTypes", "swift-http-types")]),
    .executableTarget(
      name: "evssmd",
      dependencies: [
        "InferenceServer", "InferenceServerHTTP", "InferenceServerGRPC", "ExecutionPlan", "PlanRuntime", "Tensors",
        arguments, logging, metrics, lifecycle, product("UnixSignals", "swift-service-lifecycle"),
        product("Configuration", "swift-configuration"), product("SystemPackage", "swift-system"),
      ]),
  ]
}
