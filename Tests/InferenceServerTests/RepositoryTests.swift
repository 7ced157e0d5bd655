import ExecutionPlan
import Foundation
import ServingTestSupport
import TestSupport
import Tensors
import Testing

@testable import InferenceServer

@Suite("The models of a folder")
struct RepositoryTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ name: String, _ version: String, bytes: [UInt8]? = nil) throws {
    let folder = directory.path("\(name)/\(version)")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/model.plan"
    if let bytes {
      try OutputFile.write(bytes, to: path)
    } else {
      try PlanFile.write(ServedPlan.plan, to: path)
    }
  }

  private func repository() -> ModelRepository { ModelRepository(sources: [.folder(directory.path(""))]) }

  @Test("are found by name and version; other names are none of them")
  func versions() throws {
    for version in ["1", "3", "12", "0", "01", "-1", "+2", "1.0", "x", "99999999999999999999"] {
      try write("a", version)
    }
    try write("bad name", "1")
    try write(".hidden", "1")
    let repository = repository()
    #expect(!repository.isLoaded)
    #expect(throws: ServingError.self) { try repository.model("a") }
    let index = repository.loadAll()
    #expect(index.map(\.name) == ["a", "a", "a"])
    #expect(index.map(\.version) == ["1", "3", "12"])
    #expect(try repository.model("a").version == 12)
    #expect(try repository.model("a", version: "3").version == 3)
    #expect(repository.versions(of: "a") == [1, 3, 12])
  }

  @Test(
    "are asked for by names that lead nowhere else",
    arguments: ["..", ".", "", "a/1", "../a", "a\0", "b", "A", String(repeating: "a", count: 300), "a "])
  func strangers(_ name: String) throws {
    try write("a", "1")
    let repository = repository()
    _ = repository.loadAll()
    expectKind(.notFound) { _ = try repository.model(name) }
    expectKind(.notFound) { _ = try repository.load(name) }
  }

  @Test("that are damaged are listed with the reason, without a path, and the others are served")
  func damaged() throws {
    try write("a", "1")
    try write("b", "1", bytes: [1, 2, 3])
    let repository = repository()
    let index = repository.loadAll()
    #expect(index.map(\.state) == ["READY", "UNAVAILABLE"])
    #expect(!index[1].reason.isEmpty && !index[1].reason.contains("/"))
    expectKind(.unavailable) { _ = try repository.model("b") }
    _ = try repository.model("a")
  }

  @Test("are unloaded, loaded again, and kept when the new file is bad")
  func control() throws {
    try write("a", "1")
    let repository = repository()
    _ = repository.loadAll()
    let held = try repository.model("a")
    try repository.unload("a")
    expectKind(.unavailable) { _ = try repository.model("a") }
    #expect(repository.index().map(\.state) == ["UNAVAILABLE"])
    #expect(held.plan.plan.steps.count > 0)
    try repository.load("a")
    _ = try repository.model("a")
    try write("a", "1", bytes: [0])
    expectKind(.invalid) { _ = try repository.load("a") }
    _ = try repository.model("a")
    expectKind(.notFound) { _ = try repository.unload("b") }
  }
}

/// Expects a serving error of a kind.
func expectKind(_ kind: ServingError.Kind, _ body: () throws -> Void) {
  do {
    try body()
    Issue.record("nothing was thrown")
  } catch {
    #expect((error as? ServingError)?.kind == kind)
  }
}
