import ArgumentParser
import EVSSMModel
import ModelCompiler
import OnnxWriter
import Tensors

/// Options of `evssm convert` that only concern ONNX.
struct OnnxOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Write the ONNX model for pictures of this size alone. Default: any size.", valueName: "WxH"))
  var size: PictureSize?

  @Option(
    help: ArgumentHelp(
      "ONNX operator set, \(OnnxWriter.opsets.lowerBound) to \(OnnxWriter.opsets.upperBound). Default: \(OnnxWriter.Options().opset).",
      valueName: "n"))
  var opset: Int?

  @Option(
    help: ArgumentHelp(
      "How the selective scan is written: scan (ONNX's Scan) or function (the model-local function "
        + "evssm.SelectiveScan with that Scan as its body). Default: scan.", valueName: "form"))
  var scan: ScanChoice?

  @Option(
    name: .customLong("windows"),
    help: ArgumentHelp("How the scan stages cut a map: released or whole. Default: released.", valueName: "mode"))
  var windowChoice: WindowChoice?

  @Flag(help: "Write the weights to a second file, <out>.data. Above 2 GiB this is done anyway.")
  var externalData = false

  var windows: WindowChoice { windowChoice ?? .released }

  /// Throws when an option was given and no ONNX model is written, or cannot be met.
  func validate(isOnnx: Bool) throws {
    let isGiven = size != nil || opset != nil || scan != nil || windowChoice != nil || externalData
    if isGiven && !isOnnx {
      throw ValidationError("--size, --opset, --scan, --windows and --external-data are for an <out> of .onnx.")
    }
    if let opset, !OnnxWriter.opsets.contains(opset) {
      let (first, last) = (OnnxWriter.opsets.lowerBound, OnnxWriter.opsets.upperBound)
      throw ValidationError("--opset \(opset) is not one of \(first) to \(last).")
    }
    let minimum = EVSSMArchitecture.minimumSide
    if let size, min(size.width, size.height) < minimum {
      throw ValidationError("--size \(size) is too small: both sides must be at least \(minimum).")
    }
  }

  var writerOptions: OnnxWriter.Options {
    var options = OnnxWriter.Options(
      scanForm: scan == .function ? .function : .scan, usesExternalData: externalData, documentation: documentation)
    if let opset { options.opset = opset }
    if let size { options.sizes = ["H": size.height, "W": size.width] }
    return options
  }

  private var sizeText: String { size.map { "\($0)" } ?? "any size" }

  /// Such as `opset 20, any size, windows released`.
  var summary: String { "opset \(writerOptions.opset), \(sizeText), windows \(windows.rawValue)" }

  private var documentation: String {
    "EVSSM, an image deblurring network (arXiv 2405.14343). Pictures of \(size.map { "\($0)" } ?? "any size from 20x20 up"), "
      + "windows \(windows.rawValue)."
  }
}

/// The forms of the selective scan by their names on the command line.
enum ScanChoice: String, ExpressibleByArgument, CaseIterable {
  case scan, function
}

extension WindowChoice {
  var mode: WindowMode { self == .released ? .released : .whole }
}

extension OnnxWriter.Report {
  /// Such as `1,043 nodes, 2.1 MiB`.
  var summary: String { "\(Format.grouped(nodes)) nodes, \(Format.bytes(byteCount))" }
}
