import Foundation
import Tensors

// restore compile CHECKPOINT PLAN | picture PLAN IN OUT | folder PLAN FOLDER OUT
let arguments = Array(CommandLine.arguments.dropFirst())
do {
  switch (arguments.first, arguments.count) {
  case ("compile", 3): try compile(checkpoint: arguments[1], to: arguments[2])
  case ("picture", 4): try restore(plan: arguments[1], input: arguments[2], output: arguments[3])
  case ("folder", 4): try restore(plan: arguments[1], folder: arguments[2], output: arguments[3])
  default:
    print("usage: restore compile CHECKPOINT PLAN | picture PLAN IN OUT | folder PLAN FOLDER OUT")
    exit(64)
  }
} catch let error as EVSSMError {
  print(error)
  exit(error.category.rawValue)
}
