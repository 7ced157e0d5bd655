import ArgumentParser
import PlanRuntime

/// `--threads`, for the commands that run plans.
struct ThreadOption: ParsableArguments {
  @Option(help: "Threads to use, 1 to 256. Default: as many as this process may use processors.")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads \(threads) is not between 1 and 256.")
    }
  }

  /// How many threads to use.
  var count: Int { threads ?? Workers.processorCount }

  func workers() throws -> Workers { try Workers(threads: count) }
}
