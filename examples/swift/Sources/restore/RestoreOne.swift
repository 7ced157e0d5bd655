import ExecutionPlan
import Imaging
import PlanRuntime

/// One picture, in memory from file to file.
func restore(plan planPath: String, input: String, output: String) throws {
  let plan = try PlanFile.open(path: planPath)
  let picture = try Picture.read(path: input)
  let workers = try Workers(threads: Workers.processorCount)
  let session = try PlanSession(plan: plan, height: picture.height, width: picture.width, workers: workers)
  let planes = try session.run(picture.planes())
  try Picture(planes: planes, width: picture.width, height: picture.height).write(to: output)
}
