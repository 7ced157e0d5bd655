import NIOCore
import Synchronization

/// Whether a connection's client is still there, and what to do when it goes.
final class ConnectionState: Sendable {
  private struct State: Sendable {
    var isGone = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// The client has closed its side, or the connection broke.
  func clientGone() {
    let action = state.withLock { state in
      state.isGone = true
      return state.action
    }
    action?()
  }

  /// Runs `operation` in a task that is cancelled when the client goes.
  func whileConnected<Output: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Output
  ) async throws -> Output {
    let task = Task(operation: operation)
    let isGone = state.withLock { state in
      state.action = { task.cancel() }
      return state.isGone
    }
    if isGone { task.cancel() }
    defer { state.withLock { $0.action = nil } }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}

/// The state of every open connection, by its channel.
final class ConnectionRegistry: Sendable {
  private let states = Mutex<[ObjectIdentifier: ConnectionState]>([:])

  func add(_ channel: any Channel) -> ConnectionState {
    let state = ConnectionState()
    states.withLock { $0[ObjectIdentifier(channel)] = state }
    return state
  }

  func remove(_ channel: any Channel) { states.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) } }

  func state(_ channel: any Channel) -> ConnectionState {
    states.withLock { $0[ObjectIdentifier(channel)] } ?? ConnectionState()
  }

  var count: Int { states.withLock { $0.count } }
}
