import PlanRuntime
import TestSupport
import Tensors
import Testing

@Suite("Runs that are stopped")
struct RunControlTests {
  private func session(threads: Int) throws -> (PlanSession, [Float]) {
    let golden = try #require(Golden.small.first { $0.name == "small-48x80" })
    let input = try golden.input()
    let session = try PlanSession(
      plan: golden.loadedPlan(), height: input.shape[2], width: input.shape[3], workers: Workers(threads: threads))
    return (session, input.elements)
  }

  private func code(_ body: () throws -> [Float]) -> String? {
    do { _ = try body() } catch { return (error as? EVSSMError)?.code.rawValue }
    return nil
  }

  @Test("throw, and leave the session as good as new", arguments: [1, 2, 3])
  func stopped(threads: Int) throws {
    let (session, picture) = try session(threads: threads)
    let expected = try session.run(picture)
    let cancelled = RunControl()
    cancelled.cancel()
    #expect(code { try session.run(picture, control: cancelled) } == "runtime.cancelled")
    let past = RunControl(deadline: RunControl.now())
    #expect(code { try session.run(picture, control: past) } == "runtime.deadline")
    // In the middle of the run, wherever that is.
    let soon = RunControl(deadline: RunControl.now() + 500_000)
    #expect(code { try session.run(picture, control: soon) } == "runtime.deadline")
    let output = try session.run(picture, control: RunControl(deadline: .max))
    #expect(output.map(\.bitPattern) == expected.map(\.bitPattern))
  }
}
