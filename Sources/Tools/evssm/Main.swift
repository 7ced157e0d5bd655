import ArgumentParser
import ExecutionPlan
import Foundation
import Tensors

/// The process: signals, then the command, then its exit code.
@main
enum Main {
  static func main() {
    // A closed pipe is an error of the write, not the end of the process: no half-written file is left behind.
    signal(SIGPIPE, SIG_IGN)
    MappingGuard.install()
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Runs a command line (without the program's name) and reports its errors. Returns the exit code.
  static func run(_ arguments: [String]) -> Int32 {
    do {
      var command = try EVSSMCommand.parseAsRoot(arguments)
      try command.run()
      return 0
    } catch let error as EVSSMError {
      Console.error(error.description)
      return error.category.rawValue
    } catch let stop as CommandStop {
      return stop.exitCode
    } catch {
      return report(error)
    }
  }

  /// Errors and clean exits (help, version) of the argument parser.
  private static func report(_ error: any Error) -> Int32 {
    let code = EVSSMCommand.exitCode(for: error).rawValue
    let text = EVSSMCommand.fullMessage(for: error)
    if code == 0 {
      do { try Console.output(text) } catch { return EVSSMError.Category.inputOutput.rawValue }
      return 0
    }
    let prefix = "Error: "
    if !text.isEmpty { Console.error(text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text) }
    return code == ExitCode.failure.rawValue ? EVSSMError.Category.internal.rawValue : code
  }
}

/// The end of a command that has already said what there is to say.
struct CommandStop: Error {
  let exitCode: Int32

  init(_ category: EVSSMError.Category) { exitCode = category.rawValue }
}
