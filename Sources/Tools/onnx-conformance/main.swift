import Foundation
import Tensors

// onnx-conformance [--time] FOLDER [NAME…]: runs cases of tools/checking/onnx_node_tests.py and prints a line of JSON for each.
// Before a case it prints its name, so that whoever reads knows which one ended the process. --time: the cases are run
// again and again, and their steps' times printed.
let isTimed = CommandLine.arguments.dropFirst().first == "--time"
let arguments = CommandLine.arguments.dropFirst(isTimed ? 2 : 1)
guard let folder = arguments.first else {
  FileHandle.standardError.write(Data("usage: onnx-conformance FOLDER [NAME…]\n".utf8))
  exit(64)
}
do {
  let names = arguments.dropFirst().isEmpty ? try CaseList.names(in: folder) : Array(arguments.dropFirst())
  let runner = try CaseRunner(folder: folder)
  func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
  for name in names {
    say("run \(name)")
    if isTimed { for line in try runner.times(name) { say(line) } } else { say(runner.run(name).json) }
  }
} catch {
  FileHandle.standardError.write(Data("onnx-conformance: \(error)\n".utf8))
  exit(65)
}
