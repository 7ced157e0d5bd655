import Foundation
import Synchronization
import Tensors
import Testing
import TorchFormat

/// What every reading of hostile bytes must keep to, whatever they are.
enum Contract {
  /// Well over what any entry takes, even unoptimised on a busy machine; a hang fails.
  private static let hangLimit = Duration.seconds(60)

  /// Reads `path` on a thread with a stack of 512 KiB.
  static func read(path: String, key: String? = nil) throws -> TorchCheckpoint {
    let clock = ContinuousClock.now
    let result = onSmallStack { Result { try TorchCheckpoint.read(path: path, key: key) } }
    #expect(ContinuousClock.now - clock < hangLimit)
    return try result.get()
  }

  /// Reads `bytes` as a file in a directory of its own, where nothing may appear.
  static func read(_ bytes: [UInt8], key: String? = nil) throws -> TorchCheckpoint {
    try withDirectory { directory in
      let path = directory + "/model.pth"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      defer { #expect((try? FileManager.default.contentsOfDirectory(atPath: directory)) == ["model.pth"]) }
      return try read(path: path, key: key)
    }
  }

  /// Expects a typed error with `code`, the file's path, and the limit's name if one is given.
  static func expectRefusal(
    _ bytes: [UInt8], _ code: String, limit: String? = nil, key: String? = nil, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: EVSSMError.self, comment, sourceLocation: sourceLocation) { try read(bytes, key: key) }
    guard let error else { return }
    #expect(error.code.rawValue == code, "\(error)", sourceLocation: sourceLocation)
    #expect(error.place.file?.hasSuffix("model.pth") == true, sourceLocation: sourceLocation)
    #expect(error.limit == limit, "\(error)", sourceLocation: sourceLocation)
    #expect(error.category == .badInput, sourceLocation: sourceLocation)
    #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 }, sourceLocation: sourceLocation)
  }

  static func withDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("evssm-torch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory.path)
  }

  private static func onSmallStack<Value: Sendable>(_ body: @escaping @Sendable () -> Value) -> Value {
    let thread = SmallStackThread(body)
    return thread.run()
  }
}

/// One call on a thread of 512 KiB of stack.
private final class SmallStackThread<Value: Sendable>: Sendable {
  private let body: @Sendable () -> Value
  private let result = Mutex<Value?>(nil)

  init(_ body: @escaping @Sendable () -> Value) { self.body = body }

  func run() -> Value {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Job { self.result.withLock { $0 = self.body() } })
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    precondition(code == 0)
    pthread_join(thread, nil)
    guard let value = result.withLock({ $0 }) else { preconditionFailure("the thread made no result") }
    return value
  }
}

private final class Job: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// An entry of the catalogue of hostile inputs that must be refused.
struct HostileCase: Sendable, CustomTestStringConvertible {
  let id: String
  let code: String
  let limit: String?
  let make: @Sendable () -> [UInt8]

  init(_ id: String, _ code: String, limit: String? = nil, _ make: @escaping @Sendable () -> [UInt8]) {
    self.id = id
    self.code = code
    self.limit = limit
    self.make = make
  }

  var testDescription: String { id }
  func check() { Contract.expectRefusal(make(), code, limit: limit, "\(id)") }
}
