import ExecutionPlan
import PictureRestoration
import PlanRuntime

/// Pictures of a folder within a budget of memory, two at a time.
func restore(plan planPath: String, folder: String, output: String) throws {
  let plan = try PlanFile.open(path: planPath)
  let pictures = try RestorationItems(inputs: [folder], output: output)
  try pictures.makeFolders()
  let restorer = try PictureRestorer(
    plan: plan, threads: Workers.processorCount, jobs: 2, memory: MemorySize(byteCount: 1 << 30))
  for outcome in restorer.run(pictures.items) {
    if let error = outcome.error { print(error) } else { print("\(outcome.item.output): \(outcome.seconds ?? 0) s") }
  }
}
