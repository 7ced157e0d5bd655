import Checkpoints
import ModelCompiler
import Tensors

/// A checkpoint to a plan, with memory laid out ahead of time for one size.
func compile(checkpoint path: String, to plan: String) throws {
  let checkpoint = try Checkpoint.read(path: path)
  print("\(path): \(checkpoint.summary)")
  let compilation = try CheckpointCompilation(checkpoint, CompilationOptions(precision: .float32))
  if let doubt = try compilation.write(to: plan, sizes: [PictureSize(width: 256, height: 256)]) {
    print("warning: \(doubt)")
  }
}
