import ArgumentParser
import OnnxFormat

/// Options of the commands that read ONNX models.
struct OnnxReadOptions: ParsableArguments {
  @Flag(help: "Read an ONNX model's external data through links, as in a cache of models.")
  var followLinks = false

  var settings: OnnxSettings { OnnxSettings(followsLinks: followLinks) }
}

/// Options of the commands that compile ONNX models.
struct OnnxCompileOptions: ParsableArguments {
  @OptionGroup var reading: OnnxReadOptions

  @Flag(help: "Compile an ONNX graph node by node, without looking for EVSSM in it.")
  var noRaise = false

  var settings: OnnxSettings { OnnxSettings(followsLinks: reading.followLinks, raises: !noRaise) }
}

/// How ONNX models are read and compiled.
struct OnnxSettings {
  var followsLinks = false
  var raises = true

  var importOptions: OnnxModel.ImportOptions { .init(followsLinks: followsLinks) }
}
