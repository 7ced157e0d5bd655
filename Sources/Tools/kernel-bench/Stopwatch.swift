/// Times a body by the best of many short rounds, which other work on the machine disturbs least.
struct Stopwatch {
  var rounds = 25

  /// Runs each body once and measures nothing, for a tool that counts instructions.
  static let once = Stopwatch(rounds: 0)

  /// Seconds of one call of `body`.
  func best(_ body: () -> Void) -> Double {
    if rounds == 0 {
      body()
      return 1
    }
    var calls = 1
    while seconds(calls, body) < 0.002 { calls *= 2 }
    return (0..<rounds).map { _ in seconds(calls, body) / Double(calls) }.min() ?? .infinity
  }

  private func seconds(_ calls: Int, _ body: () -> Void) -> Double {
    let duration = ContinuousClock().measure { for _ in 0..<calls { body() } }
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }
}

/// A buffer of pseudo-random values in [-1/2, 1/2], 64-byte aligned, for the life of the program.
func buffer(_ count: Int, scale: Float = 1) -> UnsafeMutablePointer<Float> {
  let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 16) * 4, alignment: 64)
  let floats = raw.bindMemory(to: Float.self, capacity: max(count, 16))
  for index in 0..<max(count, 16) { floats[index] = scale * (Float((index &* 7919) % 1009) / 1009 - 0.5) }
  return floats
}
