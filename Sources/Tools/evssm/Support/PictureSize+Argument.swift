import ArgumentParser
import ModelCompiler

/// Written `WIDTHxHEIGHT` on the command line.
extension PictureSize: ExpressibleByArgument {
  public init?(argument: String) {
    let parts = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false)
    guard parts.count == 2, let width = Self.side(parts[0]), let height = Self.side(parts[1]) else { return nil }
    self.init(width: width, height: height)
  }

  /// One to five digits: longer sides are refused here, the limits on pictures below that by whoever uses the size.
  private static func side(_ text: Substring) -> Int? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text).flatMap { $0 > 0 ? $0 : nil }
  }

  public var defaultValueDescription: String { description }
}
