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
    let command: ServerCommand
    do { command = try ServerCommand.parse() } catch { ServerCommand.exit(withError: error) }
    do { try await command.run() } catch let error as EVSSMError {
      end(error.description, error.category)
    } catch {
      end("\(error)", .unavailable)
    }
  }

  private static func end(_ message: String, _ category: EVSSMError.Category) -> Never {
    FileHandle.standardError.write(Data("evssmd: error: \(message)\n".utf8))
    exit(category.rawValue)
  }

  /// Connections are file descriptors: as many as the system allows.
  private static func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
