import Foundation

/// Runs `body` on a thread with 512 KiB of stack, the least that the libraries promise to work on.
package func onSmallStack<Value>(_ body: @escaping () throws -> Value) throws -> Value {
  let job = Job(body)
  let thread = Thread { job.run() }
  thread.stackSize = 512 << 10
  thread.start()
  return try job.result()
}

private final class Job<Value>: @unchecked Sendable {
  // Unchecked: `outcome` is written before the semaphore is signalled and read after it.
  private let body: () throws -> Value
  private let done = DispatchSemaphore(value: 0)
  private var outcome: Result<Value, any Error>?

  init(_ body: @escaping () throws -> Value) { self.body = body }

  func run() {
    outcome = Result { try body() }
    done.signal()
  }

  func result() throws -> Value {
    done.wait()
    guard let outcome else { throw CancellationError() }
    return try outcome.get()
  }
}
