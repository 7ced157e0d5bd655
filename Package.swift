// swift-tools-version: 6.2
import PackageDescription

/// A system library found by pkg-config, or by its module map alone; `tools/setup` installs its Debian package.
func system(_ name: String, in group: String, _ pkgConfig: String?, apt package: String) -> Target {
  .systemLibrary(name: name, path: "Sources/\(group)/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

/// A library of the group `group`, which is its folder below Sources.
func library(
  _ name: String, in group: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(group)/\(name)", exclude: exclude)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: "Sources/Tools/\(name)")
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
    // Running plans, compiling them, and restoring pictures in files; docs/public-api.txt lists what is public.
    .library(name: "PlanRuntime", targets: ["PlanRuntime", "ExecutionPlan", "Imaging", "Tensors"]),
    .library(name: "ModelCompiler", targets: ["ModelCompiler", "Checkpoints", "ExecutionPlan", "Tensors"]),
    .library(name: "PictureRestoration", targets: ["PictureRestoration", "PlanRuntime", "ExecutionPlan", "Tensors"]),
    .library(name: "EVSSMLibrary", type: .static, targets: ["EVSSMLibrary"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    // System libraries.
    system("CZip", in: "Formats", "libzip", apt: "libzip-dev"),
    system("CPNG", in: "Formats", "libpng", apt: "libpng-dev"),
    system("CJPEG", in: "Formats", "libturbojpeg", apt: "libturbojpeg0-dev"),
    // Calls of Linux that Swift cannot make: openat2, sched_setattr, prctl.
    .systemLibrary(name: "CLinux", path: "Sources/Foundation/CLinux"),
    system("COpenBLAS", in: "Model", "openblas", apt: "libopenblas-dev"),
    // Linked statically: servers and the C library need no package of it.
    system("CProtobufC", in: "Foundation", nil, apt: "libprotobuf-c-dev"),

    // The C library's header.
    .systemLibrary(name: "CEVSSM", path: "Sources/Serving/CEVSSM"),

    // C: kernels and generated code.
    .target(name: "CKernels", path: "Sources/Runtime/CKernels", linkerSettings: [.linkedLibrary("m")]),
    library("CPlanProto", in: "Plan", ["CProtobufC"]),
    library("COnnxProto", in: "Formats", ["CProtobufC"]),
    // Replaces malloc to count its calls: for executables and tests, never for a library.
    library("CAllocationCounter", in: "Foundation", []),

    // Values and formats.
    library("Tensors", in: "Foundation", []),
    library("JSON", in: "Foundation", ["Tensors"]),
    library("ProtobufWire", in: "Foundation", ["Tensors", "CProtobufC"]),
    library("ZipFormat", in: "Formats", ["Tensors", "CZip"]),
    library("TorchFormat", in: "Formats", ["Tensors", "ZipFormat"]),
    library("SafetensorsFormat", in: "Formats", ["Tensors", "JSON"]),
    // Opens any checkpoint: the one list of formats.
    library("Checkpoints", in: "Formats", ["Tensors", "TorchFormat", "SafetensorsFormat"]),
    library("Imaging", in: "Formats", ["Tensors", "CPNG", "CJPEG"]),
    library("NumpyFormat", in: "Formats", ["Tensors"]),
    // Apart from NumpyFormat, so that what reads single arrays links no zip library.
    library("NumpyArchives", in: "Formats", ["Tensors", "NumpyFormat", "ZipFormat"]),
    library("PrimitiveOperators", in: "Model", ["Tensors"]),
    library(
      "OnnxFormat", in: "Formats",
      ["GraphIR", "PrimitiveOperators", "ProtobufWire", "COnnxProto", "CLinux", crypto, "Tensors"]),

    // Compiler.
    library("GraphIR", in: "Model", ["Tensors", "PrimitiveOperators"]),
    library("EVSSMModel", in: "Model", ["GraphIR", "Tensors"]),
    library("OnnxWriter", in: "Formats", ["GraphIR", "ProtobufWire", "Tensors"]),
    library("ReferenceInterpreter", in: "Model", ["GraphIR", "PrimitiveOperators", "COpenBLAS", "Tensors"]),
    library("GraphRewriting", in: "Compiler", ["GraphIR", "Tensors"]),
    library("GraphRaising", in: "Compiler", ["GraphRewriting", "GraphIR", "PrimitiveOperators", "Tensors"]),
    library(
      "GraphCompiler", in: "Compiler",
      [
        "GraphRaising", "GraphRewriting", "GraphIR", "PrimitiveOperators", "ExecutionPlan", "ReferenceInterpreter",
        "Tensors",
      ]),

    // Plan and runtime.
    library(
      "ExecutionPlan", in: "Plan",
      ["Tensors", "PrimitiveOperators", "ProtobufWire", "CPlanProto", crypto, "CProtobufC"]),
    library("PlanRuntime", in: "Runtime", ["ExecutionPlan", "PrimitiveOperators", "CKernels", "Tensors"]),

    // Restoring pictures in files: jobs, memory budgets, sessions by size, tiles.
    library(
      "PictureRestoration", in: "Runtime", ["ExecutionPlan", "PlanRuntime", "Imaging", "NumpyFormat", "Tensors"]),
    // How far pictures are from each other: PSNR, SSIM, alignment.
    library("PictureQuality", in: "Runtime", ["Imaging", "Tensors"]),
    library(
      "PictureEvaluation", in: "Runtime",
      ["PictureRestoration", "PictureQuality", "PlanRuntime", "Imaging", "Tensors"]),

    // A checkpoint or an ONNX model to a plan with its certificate, and comparisons with the interpreter.
    library(
      "ModelCompiler", in: "Compiler",
      [
        "Tensors", "Checkpoints", "OnnxFormat", "EVSSMModel", "GraphIR", "GraphCompiler", "ReferenceInterpreter",
        "ExecutionPlan", "PlanRuntime",
      ]),

    // What `tools/build/library` makes libevssm of.
    library(
      "EVSSMLibrary", in: "Serving", ["CEVSSM", "PlanRuntime", "ExecutionPlan", "Tensors"], exclude: ["exports.map"]),

    // Serving, without a network: models, scheduling, the protocol's data.
    library(
      "InferenceServer", in: "Serving", ["PlanRuntime", "ExecutionPlan", "Imaging", "Tensors", "JSON", "CLinux"]),

    program(
      "evssm",
      [
        "Checkpoints", "ModelCompiler", "PictureRestoration", "PictureEvaluation", "OnnxFormat", "EVSSMModel",
        "GraphIR", "GraphCompiler", "OnnxWriter", "ExecutionPlan", "PlanRuntime", "Imaging", "PictureQuality",
        "NumpyFormat", "NumpyArchives",
        "Tensors", "JSON", "CAllocationCounter", arguments,
      ]),

    program("kernel-bench", ["CKernels"]),
    program(
      "onnx-conformance", ["ModelCompiler", "Checkpoints", "ExecutionPlan", "PlanRuntime", "Tensors"]),

    .target(name: "TestSupport", dependencies: ["Tensors", "EVSSMModel", "Imaging"], path: "Tests/TestSupport"),
    // A compiled network for the servers and the C library, and a client that sends bytes.
    .target(
      name: "ServingTestSupport",
      dependencies: [
        "InferenceServer", "ModelCompiler", "ExecutionPlan", "PlanRuntime", "Tensors", "TestSupport",
      ],
      path: "Tests/ServingTestSupport"),
    tests("TensorsTests", ["Tensors", "TestSupport"]),
    tests("JSONTests", ["JSON", "Tensors"]),
    tests("ProtobufWireTests", ["ProtobufWire"]),
    tests("ZipFormatTests", ["ZipFormat", "Tensors", "TestSupport"]),
    tests("TorchFormatTests", ["TorchFormat", "ZipFormat", "Tensors", "TestSupport"]),
    tests("PrimitiveOperatorsTests", ["PrimitiveOperators", "Tensors", "TestSupport"]),
    tests(
      "OnnxFormatTests",
      ["OnnxFormat", "GraphIR", "PrimitiveOperators", "ReferenceInterpreter", "ProtobufWire", "TestSupport", "Tensors"]),
    tests("SafetensorsFormatTests", ["SafetensorsFormat", "TestSupport", "Tensors"]),
    tests("ImagingTests", ["Imaging", "PictureQuality", "NumpyFormat", "CJPEG", "TestSupport", "Tensors"]),
    tests("GraphIRTests", ["GraphIR", "Tensors"]),
    tests("EVSSMModelTests", ["EVSSMModel", "TestSupport", "GraphIR", "Tensors"]),
    tests(
      "GraphRaisingTests",
      [
        "GraphRaising", "GraphCompiler", "OnnxFormat", "OnnxWriter", "EVSSMModel",
        "ReferenceInterpreter", "PlanRuntime", "TestSupport", "ExecutionPlan", "GraphIR", "PrimitiveOperators",
        "Tensors",
      ]),
    tests("OnnxWriterTests", ["OnnxWriter", "EVSSMModel", "TestSupport", "GraphIR", "Tensors"]),
    tests(
      "ReferenceInterpreterTests",
      ["ReferenceInterpreter", "EVSSMModel", "TorchFormat", "TestSupport", "GraphIR", "Tensors"]),
    tests(
      "GraphCompilerTests",
      [
        "GraphCompiler", "GraphRewriting", "EVSSMModel", "TestSupport", "ExecutionPlan", "GraphIR",
        "PrimitiveOperators", "ReferenceInterpreter", "Tensors",
      ]),
    tests("ExecutionPlanTests", ["ExecutionPlan", "Tensors"]),
    tests(
      "PlanRuntimeTests",
      [
        "PlanRuntime", "CKernels", "ExecutionPlan", "ModelCompiler", "GraphCompiler", "GraphIR", "ReferenceInterpreter",
        "PrimitiveOperators", "SafetensorsFormat", "Tensors", "TestSupport",
      ]),
    tests("KernelTests", ["CKernels"]),
    tests(
      "InferenceServerTests",
      ["InferenceServer", "ExecutionPlan", "PlanRuntime", "Tensors", "Imaging", "ServingTestSupport", "TestSupport"]),
    tests(
      "EVSSMLibraryTests",
      ["EVSSMLibrary", "CEVSSM", "ExecutionPlan", "PlanRuntime", "Tensors", "ServingTestSupport", "TestSupport"]),
    tests(
      "EndToEndTests",
      [
        "PlanRuntime", "ExecutionPlan", "ModelCompiler", "GraphCompiler", "Imaging", "PictureQuality", "NumpyFormat",
        "Tensors", "EVSSMModel", "TestSupport",
      ]),
    tests(
      "CommandTests",
      [
        "evssm", "EVSSMModel", "TorchFormat", "SafetensorsFormat", "ModelCompiler", "PictureRestoration",
        "ExecutionPlan", "Imaging", "PictureQuality", "NumpyFormat", "NumpyArchives", "Tensors", "JSON",
        "TestSupport",
      ],
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
    system("CZlib", in: "Serving", "zlib", apt: "zlib1g-dev"),
    .target(
      name: "InferenceServerHTTP",
      dependencies: [
        "InferenceServer", "Imaging", "PlanRuntime", "Tensors", "JSON", "CZlib", hummingbird,
        product("HummingbirdCore", "hummingbird"), logging, metrics, lifecycle,
        product("NIOCore", "swift-nio"), product("NIOHTTP1", "swift-nio"),
        product("NIOHTTPTypes", "swift-nio-extras"), product("NIOHTTPTypesHTTP1", "swift-nio-extras"),
        product("HTTPTypes", "swift-http-types"),
      ],
      path: "Sources/Serving/InferenceServerHTTP",
      resources: [.embedInCode("Page/index.html")]),
    library(
      "InferenceServerGRPC", in: "Serving",
      [
        "InferenceServer", "PlanRuntime", "Tensors", grpc,
        product("GRPCNIOTransportHTTP2Posix", "grpc-swift-nio-transport"),
        product("GRPCProtobuf", "grpc-swift-protobuf"), product("SwiftProtobuf", "swift-protobuf"), logging, lifecycle,
        product("NIOCore", "swift-nio"), product("NIOHTTP2", "swift-nio-http2"), product("NIOHPACK", "swift-nio-http2"),
      ]),
    tests(
      "InferenceServerHTTPTests",
      [
        "InferenceServerHTTP", "InferenceServer", "Imaging", "ServingTestSupport",
        "TestSupport", logging, metrics, lifecycle, product("HTTPTypes", "swift-http-types"),
      ]),
    tests(
      "InferenceServerGRPCTests",
      [
        "InferenceServerGRPC", "InferenceServer", "PlanRuntime", "ServingTestSupport", grpc,
        product("GRPCNIOTransportHTTP2Posix", "grpc-swift-nio-transport"),
        product("GRPCProtobuf", "grpc-swift-protobuf"), product("SwiftProtobuf", "swift-protobuf"), logging, lifecycle,
      ]),
    tests(
      "evssmdTests",
      [
        "evssmd", "InferenceServer", "ExecutionPlan", "Tensors", "ServingTestSupport", "TestSupport", logging,
      ]),
    program(
      "evssmd",
      [
        "InferenceServer", "InferenceServerHTTP", "InferenceServerGRPC", "ExecutionPlan", "PlanRuntime", "Tensors",
        "JSON",
        arguments, logging, metrics, lifecycle, product("UnixSignals", "swift-service-lifecycle"),
        product("Configuration", "swift-configuration"), product("SystemPackage", "swift-system"),
      ]),
  ]
}
