import ExecutionPlan
import Tensors
enum PlanFile {
  static func canRead(prefix: [UInt8]) -> Bool { false }
  static func load(path: String) throws -> LoadedPlan { _ = try InputFile(path); throw EVSSMError("x.y", "pending") }
}
struct Compilation {
  var explanations: [String] = []
  var networkSummary = ""
  var planSummary = ""
  init(_ checkpoint: LoadedCheckpoint, windows: WindowChoice, sizes: [PictureSize]) throws {}
  func write(to path: String) throws {}
}
