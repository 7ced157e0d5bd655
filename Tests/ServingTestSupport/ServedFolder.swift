import ExecutionPlan
import InferenceServer
import TestSupport

/// A folder with the small network as the model `small` in versions 1 and 3, a model `broken` that does not open, and a
/// service over it.
package struct ServedFolder: Sendable {
  package let directory: TemporaryDirectory
  package let service: InferenceService

  /// - Parameter isLoaded: whether the models are open at once.
  package init(
    queue: Int = 8, maxMemory: Int = 1 << 30, maxBufferedBytes: Int = 1 << 30, isLoaded: Bool = true,
    hasBroken: Bool = true
  ) throws {
    directory = try TemporaryDirectory()
    for version in [1, 3] { try Self.addVersion(version, of: "small", in: directory) }
    if hasBroken {
      try makeFolder(directory.path("broken/1"))
      _ = try directory.file("broken/1/model.plan", Array("no plan".utf8))
    }
    service = try InferenceService(
      sources: [.folder(directory.path)],
      scheduler: SchedulerConfiguration(threads: 2, queue: queue, maxMemory: maxMemory),
      maxBufferedBytes: maxBufferedBytes)
    if isLoaded { _ = service.repository.loadAll() }
  }

  /// Writes the small network's plan as a version of a model.
  package static func addVersion(_ version: Int, of name: String, in directory: TemporaryDirectory) throws {
    try makeFolder(directory.path("\(name)/\(version)"))
    try PlanFile.write(ServedPlan.plan, to: directory.path("\(name)/\(version)/model.plan"))
  }
}
