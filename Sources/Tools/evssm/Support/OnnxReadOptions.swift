import ArgumentParser
import ModelCompiler

/// Options of the commands that read ONNX models.
struct OnnxReadOptions: ParsableArguments {
  @Flag(help: "Read an ONNX model's external data through links, as in a cache of models.")
  var followLinks = false
}

/// Options of the commands that compile ONNX models.
struct OnnxCompileOptions: ParsableArguments {
  @OptionGroup var reading: OnnxReadOptions

  @Flag(help: "Compile an ONNX graph node by node, without looking for EVSSM in it.")
  var noRaise = false

  var options: CompilationOptions { CompilationOptions(raises: !noRaise, followsLinks: reading.followLinks) }
}
