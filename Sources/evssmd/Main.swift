import ArgumentParser
import ExecutionPlan
import Foundation
import Tensors

/// The process: signals and limits, then the server, then its exit code (sysexits.h).
@main
enum Main {
  static func main() async {
    signal(SIGPIPE, SIG_IGN)
    MappingGuard.install()
    raiseFileLimit()
    do {
      let command = try ServerCommand.parse()
      try await command.run()
    } catch let error as EVSSMError {
      FileHandle.standardError.write(Data("evssmd: error: \(error.description)\n".utf8))
      exit(error.category.rawValue)
    } catch {
      if !ServerCommand.exitCode(for: error).isSuccess, !(error is ValidationError), "\(type(of: error))" != "CommandError" {
        FileHandle.standardError.write(Data("evssmd: error: \(error)\n".utf8))
        exit(EVSSMError.Category.unavailable.rawValue)
      }
      ServerCommand.exit(withError: error)
    }
  }

  /// Connections are file descriptors: as many as the system allows.
  private static func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
