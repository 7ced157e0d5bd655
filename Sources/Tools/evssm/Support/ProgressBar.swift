import Tensors

/// A line on standard error that shows how far a command is; silent when that is no terminal.
struct ProgressBar {
  private static let width = 30

  private let total: Int
  private let isVisible: Bool

  init(total: Int, isVisible: Bool = Console.errorIsTerminal) {
    self.total = total
    self.isVisible = isVisible && total > 1
  }

  func show(done: Int, name: String) {
    if isVisible { Console.partial("\r\u{1B}[K" + Self.line(done: done, total: total, name: name)) }
  }

  func clear() {
    if isVisible { Console.partial("\r\u{1B}[K") }
  }

  static func line(done: Int, total: Int, name: String) -> String {
    let filled = total == 0 ? width : width * done / total
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    return "[\(bar)] \(done)/\(total) \(EVSSMError.escaped(name, limit: 30))"
  }
}
